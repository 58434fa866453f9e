// Order and completeness.
import { blob, bytes, call, connected, equal, eventually, gather, isBinary, ok, pause, range } from './matrix-kit.mjs';

const plain = (list) => list.map((v) => (isBinary(v) ? bytes(v)[0] : v));

export default [
  {
    name: '1,000 events to the server',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const tag = t.tag();
      for (let i = 0; i < 1000; i++) c.emit('note', { tag, value: i });
      equal(await call(c, 'log', tag), range(1000));
    },
  },
  {
    name: '1,000 events to the client',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const all = gather(c, 'n', 1000);
      c.emit('count', { event: 'n', n: 1000 });
      equal(await all, range(1000));
    },
  },
  {
    name: 'both ways at once',
    async run(t) {
      const c = await t.connect();
      const tag = t.tag();
      const all = gather(c, 'n', 500);
      c.emit('count', { event: 'n', n: 500 });
      for (let i = 0; i < 500; i++) {
        c.emit('note', { tag, value: i });
        if (i % 50 === 0) await pause(1);
      }
      equal(await all, range(500));
      equal(await call(c, 'log', tag), range(500));
    },
  },
  {
    name: 'binary and text mixed, to the client',
    async run(t) {
      const c = await t.connect();
      const all = gather(c, 'm', 200);
      c.emit('mix', { event: 'm', n: 200 });
      equal(plain(await all), range(200));
    },
  },
  {
    name: 'binary and text mixed, to the server',
    async run(t) {
      const c = await t.connect();
      const all = gather(c, 'm', 200);
      for (let i = 0; i < 200; i++) c.emit('back', { event: 'm', data: i % 3 ? i : Uint8Array.of(i) });
      equal(plain(await all), range(200));
    },
  },
  {
    name: 'large and small mixed',
    async run(t) {
      const c = await t.connect();
      const all = gather(c, 'm', 60);
      for (let i = 0; i < 60; i++) c.emit('back', { event: 'm', data: [i, i % 4 ? '' : 'x'.repeat(30_000), i % 5 ? 0 : blob(9000)] });
      equal((await all).map(([i, s, b]) => [i, s.length, isBinary(b)]),
        range(60).map((i) => [i, i % 4 ? 0 : 30_000, i % 5 === 0]));
    },
  },
  {
    name: 'over the upgrade, to the server',
    modes: ['upgrade'],
    browser: true,
    async run(t) {
      const c = t.open();
      const tag = t.tag();
      for (let i = 0; i < 200; i++) c.emit('note', { tag, value: i });
      await connected(c);
      let i = 200;
      await eventually('the upgrade', async () => {
        for (const end = i + 40; i < end; i++) c.emit('note', { tag, value: i });
        return c.io.engine.transport.name === 'websocket';
      });
      for (const end = i + 200; i < end; i++) c.emit('note', { tag, value: i });
      equal(await call(c, 'log', tag), range(i));
    },
  },
  {
    name: 'over the upgrade, to the client',
    modes: ['upgrade'],
    browser: true,
    async run(t) {
      const ns = t.ns();
      const sender = await t.connect(ns);
      for (let round = 0; round < 5; round++) {
        const c = await t.connect(ns);
        const got = [];
        const event = `n${round}`;
        c.on(event, (x) => got.push(x));
        let i = 0;
        await eventually('the upgrade', () => {
          for (const end = i + 20; i < end; i++) sender.emit('cast', { event, data: i });
          return c.io.engine.transport.name === 'websocket';
        }, 1);
        for (const end = i + 50; i < end; i++) sender.emit('cast', { event, data: i });
        await eventually(`all ${i}`, () => got.length >= i);
        equal(got, range(i), `round ${round}`);
      }
    },
  },
  {
    name: 'over the upgrade, binary in both directions',
    modes: ['upgrade'],
    async run(t) {
      const c = t.open();
      const all = gather(c, 'm', 300);
      for (let i = 0; i < 150; i++) c.emit('back', { event: 'm', data: Uint8Array.of(i) });
      await connected(c);
      for (let i = 150; i < 300; i++) {
        c.emit('back', { event: 'm', data: i % 2 ? i : { b: blob(2000, i), i } });
        if (i % 10 === 0) await pause(1);
      }
      equal((await all).map((v) => (isBinary(v) ? bytes(v)[0] : v.i ?? v)), range(300));
      await eventually('the upgrade', () => c.io.engine.transport.name === 'websocket');
    },
  },
  {
    name: 'acks asked over the upgrade all come',
    modes: ['upgrade'],
    async run(t) {
      const c = await t.connect();
      const answers = [];
      let i = 0;
      await eventually('the upgrade', () => {
        answers.push(call(c, 'echo', i++));
        return c.io.engine.transport.name === 'websocket';
      });
      equal(await Promise.all(answers), range(i));
    },
  },
  {
    name: 'connect and leave at once, during the upgrade',
    modes: ['upgrade'],
    async run(t) {
      const ns = t.ns();
      const witness = await t.connect(ns);
      for (let n = 0; n < 10; n++) {
        const c = await t.connect(ns);
        await pause(n);
        c.disconnect();
      }
      await eventually('alone', async () => (await call(witness, 'clients', {})).length === 1);
      ok(witness.connected, 'the witness has gone');
    },
  },
];
