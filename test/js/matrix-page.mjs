// The browser part of the matrix, in a page: runMatrix({mode, urls, group}) returns the results.
import { io } from '/socket.io.esm.min.js';
import { Kit, fits, playAll } from './matrix-kit.mjs';
import connect from './matrix-connect.mjs';
import events from './matrix-events.mjs';
import ends from './matrix-ends.mjs';
import order from './matrix-order.mjs';
import recovery from './matrix-recovery.mjs';
import rooms from './matrix-rooms.mjs';

const groups = { connect, events, order, ends, rooms, recovery };

window.runMatrix = async ({ mode, urls, group }) => {
  const checks = groups[group]
    .filter((c) => c.browser && fits(c, mode))
    .map((c) => ({ ...c, name: `${group}: ${c.name}` }));
  const results = [];
  // One at a time: browsers open six HTTP connections per server.
  await playAll(checks, () => new Kit({ io, mode, urls, inPage: true }), (r) => results.push(r), 1);
  return results;
};
