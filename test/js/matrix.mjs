// Runs the checks of the matrix against one server, driven by lines (lines.mjs):
//
//   run {mode, urls}    plays all checks of the mode. Each result is a line
//                       {result}, the last line is {done}.
//   controlled {n, …}   answers a line {control: n, what}: what a check requests
//                       from the server
import { io } from 'socket.io-client';
import { serve, writeLine } from './lines.mjs';
import { Kit, fits, playAll } from './matrix-kit.mjs';
import connect from './matrix-connect.mjs';
import events from './matrix-events.mjs';
import ends from './matrix-ends.mjs';
import options from './matrix-options.mjs';
import order from './matrix-order.mjs';
import recovery from './matrix-recovery.mjs';
import rooms from './matrix-rooms.mjs';
import wire from './matrix-wire.mjs';

const groups = { connect, events, order, ends, rooms, wire, options, recovery };
const checks = Object.entries(groups).flatMap(([group, list]) =>
  list.map((c) => ({ ...c, name: `${group}: ${c.name}` })));
const names = new Set(checks.map((c) => c.name));
if (names.size !== checks.length) throw new Error('two checks have one name');

const asked = new Map();
const control = (what) =>
  new Promise((resolve, reject) => {
    const n = asked.size + 1;
    asked.set(n, { resolve, reject });
    writeLine({ control: n, what });
  });

serve({
  run({ mode, urls, only }) {
    const chosen = checks.filter((c) => fits(c, mode) && (!only || c.name.includes(only)));
    playAll(chosen, () => new Kit({ io, mode, urls, control }), (result) => writeLine({ result }))
      .then(() => writeLine({ done: true }));
    return chosen.map((c) => c.name);
  },
  controlled({ n, error }) {
    const { resolve, reject } = asked.get(n);
    if (error) reject(new Error(error));
    else resolve();
  },
});
