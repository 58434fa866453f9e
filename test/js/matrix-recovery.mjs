// Recovery of connection state. The variant "recovery" stores clients for 2 min, "brief" for
// 300 ms.
import { blob, call, connected, equal, left, ok, once, pause, range, record, rejected } from './matrix-kit.mjs';

// scene is a client that has received an event, and a witness in the same namespace.
async function scene(t, { ns = t.ns(), opts = {}, variant = 'recovery' } = {}) {
  const [c, witness] = [await t.connect(ns, opts, variant), await t.connect(ns, opts, variant)];
  await call(c, 'back', { event: 'first', data: 1 }); // without an event nothing is recovered
  return { c, witness, ns };
}

// away drops the connection, and waits until the server has noticed.
async function away(c, witness) {
  const { id } = c;
  const gone = once(c, 'disconnect');
  c.io.engine.close();
  await gone;
  equal(await left(witness, id), 'transport close');
  return id;
}

const say = (witness, data, spec) => call(witness, 'cast', { event: 'x', data, notMe: true, ...spec });

// back reconnects, and waits for the missed events.
async function back(c) {
  await connected(c.connect());
  await call(c, 'echo', 1);
}

export default [
  {
    name: 'a first connection is not a recovered one',
    async run(t) {
      const { c } = await scene(t);
      ok(!c.recovered && !(await call(c, 'me')).recovered, 'recovered');
    },
  },
  {
    name: 'same id, recovered on both sides',
    browser: true,
    async run(t) {
      const { c, witness } = await scene(t);
      const id = await away(c, witness);
      await back(c);
      const me = await call(c, 'me');
      equal([c.recovered, c.id, me.recovered, me.id], [true, id, true, id]);
    },
  },
  {
    name: 'what was missed arrives once and in order, before what is new',
    browser: true,
    async run(t) {
      const { c, witness } = await scene(t);
      const got = record(c, 'x');
      for (let i = 0; i < 3; i++) await say(witness, i);
      await call(c, 'echo', 1);
      await away(c, witness);
      for (let i = 3; i < 50; i++) await say(witness, i);
      await back(c);
      for (let i = 50; i < 53; i++) await say(witness, i);
      await call(c, 'echo', 1);
      equal([c.recovered, got], [true, range(53)]);
    },
  },
  {
    name: 'by itself, with reconnection on',
    async run(t) {
      const { c, witness } = await scene(t, { opts: { reconnection: true } });
      const got = record(c, 'x');
      const again = once(c, 'connect');
      c.io.engine.close();
      for (let i = 0; i < 20; i++) await say(witness, i);
      await again;
      await call(c, 'echo', 1);
      equal([c.recovered, got], [true, range(20)]);
    },
  },
  {
    name: 'rooms and data are restored',
    browser: true,
    async run(t) {
      const { c, witness } = await scene(t);
      await call(c, 'join', ['a', 'b']);
      await call(c, 'set', { name: 'Ann' });
      await away(c, witness);
      await back(c);
      const me = await call(c, 'me');
      equal([c.recovered, me.rooms, me.data], [true, ['a', 'b'], { name: 'Ann' }]);
      const x = once(c, 'x');
      await say(witness, 'to a', { to: ['a'] });
      equal((await x)[0], 'to a');
    },
  },
  {
    name: 'missed in a room, and not what went to other rooms',
    async run(t) {
      const { c, witness } = await scene(t);
      await call(c, 'join', ['a']);
      const got = record(c, 'x');
      await away(c, witness);
      for (const i of range(6)) await say(witness, i, { to: [i % 2 ? 'a' : 'b'] });
      await say(witness, 'not a', { except: ['a'] });
      await say(witness, 'both', { to: ['a', 'b'] });
      await back(c);
      equal([c.recovered, got], [true, [1, 3, 5, 'both']]);
    },
  },
  {
    name: 'binary that was missed',
    async run(t) {
      const { c, witness } = await scene(t);
      const got = record(c, 'x');
      await away(c, witness);
      await say(witness, blob(3000));
      await say(witness, { a: [blob(2), 'text'] });
      await back(c);
      equal([c.recovered, got], [true, [blob(3000), { a: [blob(2), 'text'] }]]);
    },
  },
  {
    name: 'several arguments that were missed',
    async run(t) {
      const { c, witness } = await scene(t);
      await away(c, witness);
      await say(witness, ['a', [1], blob(2)], { spread: true });
      const event = once(c, 'x');
      await back(c);
      equal([c.recovered, (await event).slice(0, 3)], [true, ['a', [1], blob(2)]]);
    },
  },
  {
    name: 'twice in a row',
    browser: true,
    async run(t) {
      const { c, witness } = await scene(t);
      const got = record(c, 'x');
      const { id } = c;
      for (const round of range(3)) {
        const reasons = (await call(witness, 'log', `left:${id}`)).length;
        c.io.engine.close();
        for (let n = 0; n <= reasons; n = (await call(witness, 'log', `left:${id}`)).length) await pause(10);
        await say(witness, round);
        await back(c);
        ok(c.recovered, `round ${round} is not recovered`);
      }
      equal([c.id, got], [id, range(3)]);
    },
  },
  {
    name: 'continuous broadcasts while the client reconnects eight times',
    browser: true,
    async run(t) {
      const { c, witness } = await scene(t, { opts: { reconnection: true } });
      const got = record(c, 'x');
      let fresh = 0;
      c.on('connect', () => (fresh += c.recovered ? 0 : 1));
      let [i, going] = [0, true];
      const sender = (async () => {
        for (; going; await pause(2)) witness.emit('cast', { event: 'x', data: i++, notMe: true });
      })();
      try {
        for (let n = 0; n < 8; n++) {
          await call(c, 'echo', 1);
          const again = once(c, 'connect');
          c.io.engine.close();
          await again;
        }
      } finally {
        going = false;
        await sender;
      }
      await call(witness, 'echo', 1);
      await call(c, 'echo', 1);
      equal([fresh, got], [0, range(i)]);
    },
  },
  {
    name: 'two namespaces of one connection',
    async run(t) {
      const { c, witness } = await scene(t);
      const ns = t.ns();
      const d = await connected(c.io.socket(ns));
      await call(d, 'back', { event: 'first', data: 1 });
      const ids = [c.id, d.id];
      const other = await t.connect(ns, {}, 'recovery');
      const [inC, inD] = [record(c, 'x'), record(d, 'x')];
      await away(c, witness);
      equal(await left(other, ids[1]), 'transport close');
      await say(witness, 1);
      await say(other, 2);
      c.connect();
      d.connect();
      await Promise.all([connected(c), connected(d)]);
      await Promise.all([call(c, 'echo', 1), call(d, 'echo', 1)]);
      equal([c.recovered, d.recovered, c.id, d.id], [true, true, ...ids]);
      equal([inC, inD], [[1], [2]]);
    },
  },
  {
    name: 'too late: a new client',
    async run(t) {
      const { c, witness } = await scene(t, { variant: 'brief' });
      await call(c, 'join', ['a']);
      const got = record(c, 'x');
      const id = await away(c, witness);
      await say(witness, 1);
      await pause(700);
      await back(c);
      const me = await call(c, 'me');
      equal([c.recovered, me.recovered, me.rooms, got], [false, false, [], []]);
      ok(c.id !== id, 'the same id');
    },
  },
  {
    name: 'the guard runs again, and may reject',
    async run(t) {
      const { c, witness } = await scene(t, { ns: '/guarded', opts: { auth: { token: 'secret' } } });
      await away(c, witness);
      c.auth = { token: 'revoked' };
      const rejection = rejected(c);
      c.connect();
      equal((await rejection).message, 'Bad token');
    },
  },
  {
    name: 'the guard accepts a client that reconnects',
    async run(t) {
      const { c, witness } = await scene(t, { ns: '/guarded', opts: { auth: { token: 'secret' } } });
      await call(c, 'join', ['a']);
      await away(c, witness);
      await back(c);
      equal([c.recovered, (await call(c, 'me')).rooms], [true, ['a']]);
    },
  },
  {
    name: 'a client that disconnected is not recovered',
    async run(t) {
      const { c, witness } = await scene(t);
      const { id } = c;
      c.disconnect();
      equal(await left(witness, id), 'client namespace disconnect');
      await back(c);
      equal([c.recovered, c.id !== id], [false, true]);
    },
  },
  {
    name: 'a client that the server disconnected is not recovered',
    async run(t) {
      const { c } = await scene(t);
      const { id } = c;
      const gone = once(c, 'disconnect');
      c.emit('kick');
      await gone;
      await back(c);
      equal([c.recovered, c.id !== id], [false, true]);
    },
  },
  {
    name: 'an invented private id is a new client',
    async run(t) {
      const c = await t.connect(t.ns(), { auth: { pid: 'invented', offset: 'x' } }, 'recovery');
      equal([c.recovered, await call(c, 'echo', 1)], [false, 1]);
    },
  },
  {
    name: 'a client that is away is not among the clients',
    async run(t) {
      const { c, witness } = await scene(t);
      await call(c, 'join', ['a']);
      await away(c, witness);
      equal([(await call(witness, 'clients', {})).length, await call(witness, 'clients', { to: ['a'] })], [1, []]);
      await back(c);
      equal((await call(witness, 'clients', { to: ['a'] })).map((x) => x.id), [c.id]);
    },
  },
  {
    name: 'volatile events are not kept',
    async run(t) {
      const { c, witness } = await scene(t);
      const got = record(c, 'x');
      await away(c, witness);
      await say(witness, 'volatile', { volatile: true });
      await say(witness, 'kept');
      await back(c);
      equal([c.recovered, got], [true, ['kept']]);
    },
  },
  {
    name: 'acks and calls work after it',
    async run(t) {
      const { c, witness } = await scene(t);
      await away(c, witness);
      await back(c);
      c.on('question', (x, ack) => ack(x + 1));
      equal([c.recovered, await call(c, 'ask', { event: 'question', data: 1 })], [true, 2]);
    },
  },
];
