// Rooms, broadcasts, calls of many clients, volatile events, other clients.
import { blob, call, connected, equal, eventually, left, ok, once, range, record } from './matrix-kit.mjs';

// settle waits until everything sent to the clients before has arrived.
const settle = (clients) => Promise.all(clients.map((c) => call(c, 'echo', 1)));

// cast broadcasts from the first client, and returns the number received by each.
async function cast(clients, spec) {
  const got = clients.map((c) => record(c, 'x'));
  await call(clients[0], 'cast', { event: 'x', data: 'hi', ...spec });
  await settle(clients);
  for (const c of clients) c.off('x');
  return got.map((list) => list.length);
}

const answering = (c, ...args) => c.on('question', (_, ack) => ack(...args));

const poll = (c, spec) => call(c, 'poll', { event: 'question', data: 1, ms: 5000, ...spec });

export default [
  {
    name: 'a broadcast reaches all clients of the namespace',
    browser: true,
    async run(t) {
      equal(await cast(await t.several(3), {}), [1, 1, 1]);
    },
  },
  {
    name: 'a broadcast stays in its namespace',
    async run(t) {
      const a = await t.connect(t.ns());
      const b = await connected(a.io.socket('/chat'));
      const c = await connected(a.io.socket(t.ns()));
      equal(await cast([a, b, c], {}), [1, 0, 0]);
    },
  },
  {
    name: 'a broadcast of a client, without itself',
    browser: true,
    async run(t) {
      equal(await cast(await t.several(3), { notMe: true }), [0, 1, 1]);
    },
  },
  {
    name: 'to a room',
    browser: true,
    async run(t) {
      const all = await t.several(3);
      await call(all[1], 'join', ['r']);
      equal(await cast(all, { to: ['r'] }), [0, 1, 0]);
      await call(all[1], 'leave', ['r']);
      equal(await cast(all, { to: ['r'] }), [0, 0, 0]);
    },
  },
  {
    name: 'to several rooms: each client once',
    async run(t) {
      const all = await t.several(4);
      await call(all[0], 'join', ['a', 'b']);
      await call(all[1], 'join', ['a']);
      await call(all[2], 'join', ['b', 'c']);
      equal(await cast(all, { to: ['a', 'b', 'c'] }), [1, 1, 1, 0]);
    },
  },
  {
    name: 'to a room, except another room',
    async run(t) {
      const all = await t.several(3);
      await Promise.all(all.map((c) => call(c, 'join', ['a'])));
      await call(all[1], 'join', ['b']);
      equal(await cast(all, { to: ['a'], except: ['b'] }), [1, 0, 1]);
    },
  },
  {
    name: 'to all, except several rooms, without itself',
    async run(t) {
      const all = await t.several(4);
      await call(all[1], 'join', ['a']);
      await call(all[2], 'join', ['b']);
      equal(await cast(all, { except: ['a', 'b'], notMe: true }), [0, 0, 0, 1]);
    },
  },
  {
    name: 'to a room without itself',
    async run(t) {
      const all = await t.several(3);
      await Promise.all(all.map((c) => call(c, 'join', ['a'])));
      equal(await cast(all, { to: ['a'], notMe: true }), [0, 1, 1]);
    },
  },
  {
    name: 'a room of one client, and an empty room',
    async run(t) {
      const all = await t.several(2);
      await call(all[0], 'join', ['mine']);
      equal(await cast(all, { to: ['mine'] }), [1, 0]);
      equal(await cast(all, { to: ['empty'] }), [0, 0]);
    },
  },
  {
    name: 'rooms of the same name in two namespaces are two',
    async run(t) {
      const a = await t.connect(t.ns());
      const b = await t.connect(t.ns());
      await Promise.all([call(a, 'join', ['r']), call(b, 'join', ['r'])]);
      equal(await cast([a, b], { to: ['r'] }), [1, 0]);
    },
  },
  {
    name: 'joining twice is joining once',
    async run(t) {
      const all = await t.several(1);
      await call(all[0], 'join', ['r', 'r']);
      await call(all[0], 'join', ['r']);
      equal(await cast(all, { to: ['r'] }), [1]);
      await call(all[0], 'leave', ['r']);
      equal((await call(all[0], 'me')).rooms, []);
    },
  },
  {
    name: 'a disconnected client is in no room',
    async run(t) {
      const ns = t.ns();
      const [a, b] = await t.several(2, ns);
      await call(b, 'join', ['r']);
      equal((await call(a, 'clients', { to: ['r'] })).length, 1);
      b.disconnect();
      await eventually('the room is empty', async () => (await call(a, 'clients', { to: ['r'] })).length === 0);
      await connected(b.connect());
      equal((await call(b, 'me')).rooms, []);
      equal(await cast([a, b], { to: ['r'] }), [0, 0]);
    },
  },
  {
    name: 'a broadcast of binary',
    browser: true,
    async run(t) {
      const all = await t.several(3);
      const got = all.map((c) => once(c, 'b'));
      await call(all[0], 'cast', { event: 'b', data: { file: blob(5000), more: [blob(3)] } });
      for (const [x] of await Promise.all(got)) equal(x, { file: blob(5000), more: [blob(3)] });
    },
  },
  {
    name: 'a broadcast without arguments',
    async run(t) {
      const [a, b] = await t.several(2);
      const got = once(b, 'empty');
      await call(a, 'cast', { event: 'empty' });
      equal(await got, []);
    },
  },
  {
    name: 'broadcasts keep their order',
    async run(t) {
      const all = await t.several(3);
      const got = all.map((c) => record(c, 'x'));
      for (let i = 0; i < 300; i++) all[0].emit('cast', { event: 'x', data: i });
      await call(all[0], 'echo', 1);
      await settle(all);
      for (const list of got) equal(list, range(300));
    },
  },
  {
    name: 'a broadcast while clients come and go',
    async run(t) {
      const ns = t.ns();
      const [a, b] = await t.several(2, ns);
      const got = record(b, 'x');
      for (let i = 0; i < 100; i++) {
        a.emit('cast', { event: 'x', data: i });
        if (i % 10 === 0) (await t.connect(ns)).disconnect();
      }
      await call(a, 'echo', 1);
      await settle([b]);
      equal(got, range(100));
    },
  },
  {
    name: 'a call without clients',
    async run(t) {
      equal(await poll(await t.connect(t.ns()), { to: ['empty'] }), { answers: [], all: true });
    },
  },
  {
    name: 'a call of one client',
    async run(t) {
      const [a, b] = await t.several(2);
      answering(b, { yes: true });
      equal(await poll(a, { notMe: true }), { answers: [{ yes: true }], all: true });
    },
  },
  {
    name: 'a call of three clients',
    browser: true,
    async run(t) {
      const all = await t.several(3);
      all.forEach((c, i) => answering(c, i));
      const { answers, all: every } = await poll(all[0], {});
      equal([answers.sort(), every], [[0, 1, 2], true]);
    },
  },
  {
    name: 'a call of a room, without itself',
    async run(t) {
      const all = await t.several(4);
      all.forEach((c, i) => answering(c, i));
      for (const c of all.slice(0, 3)) await call(c, 'join', ['r']);
      const { answers, all: every } = await poll(all[0], { to: ['r'], notMe: true });
      equal([answers.sort(), every], [[1, 2], true]);
    },
  },
  {
    name: 'a call of three, one of which does not answer',
    async run(t) {
      const all = await t.several(3);
      answering(all[0], 'a');
      answering(all[2], 'c');
      const { answers, all: every } = await poll(all[0], { ms: 400 });
      equal([answers.sort(), every], [['a', 'c'], false]);
    },
  },
  {
    name: 'a call that is answered with nothing',
    async run(t) {
      const [a, b] = await t.several(2);
      answering(b);
      equal(await poll(a, { notMe: true }), { answers: [null], all: true });
    },
  },
  {
    name: 'a call that is answered with several arguments: all of them',
    async run(t) {
      const [a, b] = await t.several(2);
      answering(b, 1, 'two');
      equal(await poll(a, { notMe: true }), { answers: [[1, 'two']], all: true });
    },
  },
  {
    name: 'a call of many carries binary, both ways',
    async run(t) {
      const [a, b] = await t.several(2);
      b.on('question', (x, ack) => ack(x.f.length ?? x.f.byteLength));
      equal(await poll(a, { notMe: true, data: { f: blob(70) } }), { answers: [70], all: true });
    },
  },
  {
    name: 'volatile events arrive when the client is there',
    async run(t) {
      const [a, b] = await t.several(2);
      // Polling clients miss volatile events between two polls: retry until one arrives.
      const got = record(b, 'x');
      await eventually('a volatile event', async () => {
        await call(a, 'cast', { event: 'x', data: 7, volatile: true });
        return got.length > 0;
      });
      equal(got[0], 7);
    },
  },
  {
    name: 'volatile events of the client',
    async run(t) {
      const c = await t.connect();
      const tag = t.tag();
      await eventually('a volatile note', async () => {
        c.volatile.emit('note', { tag, value: 1 });
        return (await call(c, 'log', tag)).length > 0;
      });
    },
  },
  {
    name: 'clients with rooms and data',
    async run(t) {
      const all = await t.several(3);
      await call(all[0], 'set', { name: 'a' });
      await call(all[1], 'join', ['r', 's']);
      const want = all.map((c, i) => ({ id: c.id, rooms: i === 1 ? ['r', 's'] : [], data: i === 0 ? { name: 'a' } : null }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
      equal(await call(all[2], 'clients', {}), want);
      equal((await call(all[2], 'clients', { to: ['r', 's'] })).map((c) => c.id), [all[1].id]);
      equal((await call(all[2], 'clients', { except: ['s'], notMe: true })).map((c) => c.id), [all[0].id]);
    },
  },
  {
    name: 'putting others into rooms and taking them out',
    async run(t) {
      const all = await t.several(3);
      await call(all[0], 'all join', { notMe: true, rooms: ['r', 'q'] });
      equal(await cast(all, { to: ['r'] }), [0, 1, 1]);
      await call(all[0], 'all leave', { to: ['q'], rooms: ['r'] });
      equal(await cast(all, { to: ['r'] }), [0, 0, 0]);
      equal((await call(all[1], 'me')).rooms, ['q']);
    },
  },
  {
    name: 'disconnecting others',
    async run(t) {
      const ns = t.ns();
      const all = await t.several(3, ns);
      await call(all[1], 'join', ['bad']);
      const reason = once(all[1], 'disconnect');
      const { id } = all[1];
      await call(all[0], 'all kick', { to: ['bad'] });
      equal((await reason)[0], 'io server disconnect');
      equal(await left(all[0], id), 'server namespace disconnect');
      ok(all[2].connected && (await call(all[2], 'clients', {})).length === 2, 'others have gone');
    },
  },
];
