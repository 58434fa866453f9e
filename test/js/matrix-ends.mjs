// Closing connections, and reconnecting.
import { call, connected, equal, eventually, left, ok, once, pause, range, record } from './matrix-kit.mjs';

export default [
  {
    name: 'the client disconnects',
    browser: true,
    async run(t) {
      const [c, witness] = [await t.connect(), await t.connect()];
      const reason = once(c, 'disconnect');
      const { id } = c;
      c.disconnect();
      equal((await reason)[0], 'io client disconnect');
      equal(await left(witness, id), 'client namespace disconnect');
      ok(!c.connected && c.id === undefined, 'still connected');
    },
  },
  {
    name: 'the server disconnects',
    browser: true,
    async run(t) {
      const [c, witness] = [await t.connect(), await t.connect()];
      const reason = once(c, 'disconnect');
      const { id } = c;
      c.emit('kick');
      equal((await reason)[0], 'io server disconnect');
      equal(await left(witness, id), 'server namespace disconnect');
    },
  },
  {
    name: 'no reconnect after the server has disconnected',
    async run(t) {
      const c = await t.connect('/', { reconnection: true });
      const reason = once(c, 'disconnect');
      c.emit('kick');
      await reason;
      ok(!c.active, 'active');
      await pause(200);
      ok(!c.connected, 'connected');
    },
  },
  {
    name: 'connect() after the server has disconnected',
    async run(t) {
      const c = await t.connect();
      const reason = once(c, 'disconnect');
      c.emit('kick');
      await reason;
      await connected(c.connect());
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'the client leaves one namespace of two',
    async run(t) {
      const a = await t.connect();
      const b = await connected(a.io.socket('/chat'));
      const { id } = b;
      b.disconnect();
      equal(await left(await t.connect('/chat'), id), 'client namespace disconnect');
      equal(await call(a, 'echo', 1), 1);
    },
  },
  {
    name: 'the server ends one namespace of two',
    async run(t) {
      const a = await t.connect();
      const b = await connected(a.io.socket('/chat'));
      const reason = once(b, 'disconnect');
      b.emit('kick');
      equal((await reason)[0], 'io server disconnect');
      equal(await call(a, 'echo', 1), 1);
      ok(a.connected, 'the other has ended too');
    },
  },
  {
    name: 'io.engine closes: transport close, in every namespace',
    async run(t) {
      const witness = await t.connect();
      const a = await t.connect();
      const b = await connected(a.io.socket('/chat'));
      const ids = [a.id, b.id];
      a.io.engine.close();
      equal(await left(witness, ids[0]), 'transport close');
      equal(await left(witness, ids[1]), 'transport close');
    },
  },
  {
    name: 'the connection is dropped without a close',
    modes: ['websocket', 'upgrade'],
    async run(t) {
      const [c, witness] = [await t.connect(), await t.connect()];
      await eventually('websocket', () => c.io.engine.transport.name === 'websocket' && !c.io.engine.upgrading);
      await call(c, 'echo', 1);
      const { id } = c;
      c.io.engine.transport.ws.terminate();
      equal(await left(witness, id), 'transport close');
    },
  },
  {
    name: 'reconnect after a lost connection',
    browser: true,
    async run(t) {
      const c = await t.connect('/', { reconnection: true });
      const { id } = c;
      const again = once(c, 'connect');
      c.io.engine.close();
      await again;
      ok(c.id !== id, 'the same id');
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'what was emitted while away arrives after the reconnect, in order',
    async run(t) {
      const c = await t.connect('/', { reconnection: true });
      const away = once(c, 'disconnect');
      const tag = t.tag();
      c.io.engine.close();
      await away;
      for (let i = 0; i < 10; i++) c.emit('note', { tag, value: i });
      await once(c, 'connect');
      await call(c, 'echo', 1);
      equal(await call(c, 'log', tag), range(10));
    },
  },
  {
    name: 'all namespaces reconnect after a lost connection',
    async run(t) {
      const a = await t.connect('/', { reconnection: true });
      const b = await connected(a.io.socket('/chat'));
      const again = Promise.all([once(a, 'connect'), once(b, 'connect')]);
      a.io.engine.close();
      await again;
      equal(await Promise.all([call(a, 'echo', 1), call(b, 'echo', 2)]), [1, 2]);
    },
  },
  {
    name: 'reconnect after a restart of the server',
    async run(t) {
      const c = await t.connect('/', { reconnection: true }, 'restarted');
      const gone = once(c, 'disconnect');
      const again = gone.then(() => once(c, 'connect'));
      await t.control('restart');
      const [reason] = await gone;
      ok(['transport close', 'transport error'].includes(reason), `reason ${reason}`);
      await again;
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'what the client sent right before disconnect() is handled: 20 times 5 of 5',
    browser: true,
    async run(t) {
      const witness = await t.connect();
      for (let n = 0; n < 20; n++) {
        const c = await t.connect();
        const [tag, { id }] = [t.tag(), c];
        for (let i = 0; i < 5; i++) c.emit('note', { tag, value: i });
        c.disconnect();
        equal(await left(witness, id), 'client namespace disconnect', `round ${n}`);
        equal(await call(witness, 'log', tag), range(5), `round ${n}`);
      }
    },
  },
  {
    name: 'binary sent right before disconnect() is handled',
    async run(t) {
      const witness = await t.connect();
      for (let n = 0; n < 10; n++) {
        const c = await t.connect();
        const [tag, { id }] = [t.tag(), c];
        c.emit('echo', Uint8Array.of(1, 2, 3), { b: Uint8Array.of(n) });
        c.emit('note', { tag, value: n });
        c.disconnect();
        await left(witness, id);
        equal(await call(witness, 'log', tag), [n], `round ${n}`);
      }
    },
  },
  {
    name: 'what the server emitted right before its disconnect arrives: 20 times 5 of 5',
    browser: true,
    async run(t) {
      for (let n = 0; n < 20; n++) {
        const c = await t.connect();
        const words = record(c, 'word');
        const reason = once(c, 'disconnect');
        c.emit('kick', { say: range(5) });
        equal((await reason)[0], 'io server disconnect', `round ${n}`);
        equal(words, range(5), `round ${n}`);
      }
    },
  },
  {
    name: 'a message of 100 KB right before the server\'s disconnect arrives',
    async run(t) {
      const c = await t.connect();
      const words = record(c, 'word');
      const reason = once(c, 'disconnect');
      c.emit('kick', { say: ['x'.repeat(100_000), 'end'] });
      await reason;
      equal(words.map((w) => w.length), [100_000, 3]);
    },
  },
  {
    name: 'disconnect() during the connect',
    async run(t) {
      const c = t.open();
      c.disconnect();
      const d = t.open();
      await once(d.io, 'open');
      d.disconnect();
      await pause(150);
      ok(!c.connected && !d.connected, 'connected');
      equal(await call(await t.connect(), 'echo', 1), 1);
    },
  },
  {
    name: 'an ack that is waited for when the connection is lost',
    async run(t) {
      const c = await t.connect();
      const answer = c.timeout(5000).emitWithAck('slow', { ms: 3000, value: 1 }).then(() => null, (e) => e);
      await call(c, 'echo', 1);
      c.io.engine.close();
      equal((await answer)?.message, 'socket has been disconnected');
    },
  },
  {
    name: 'the server\'s call to a client that leaves ends',
    async run(t) {
      const ns = t.ns();
      const [a, b] = await t.several(2, ns);
      b.on('question', () => b.disconnect());
      const got = await call(a, 'poll', { notMe: true, event: 'question', data: 1, ms: 300 });
      equal(got, { answers: [], all: false });
    },
  },
  {
    name: 'thirty connects and disconnects leave no client',
    async run(t) {
      const ns = t.ns();
      const witness = await t.connect(ns);
      const clients = await t.several(30, ns);
      equal((await call(witness, 'clients', {})).length, 31);
      for (const [i, c] of clients.entries()) {
        if (i % 2) c.disconnect();
        else c.io.engine.close();
      }
      await eventually('alone', async () => (await call(witness, 'clients', {})).length === 1);
    },
  },
];
