// Payloads: values, acks, binary.
import { ackArgs, blob, bytes, call, equal, isBinary, ok, once, pause, range, same } from './matrix-kit.mjs';

// echoed checks that a value returns unchanged in the ack and as an event.
const echoed = (name, value, want = value) => ({
  name: `value: ${name}`,
  browser: true,
  async run(t) {
    const c = await t.connect();
    equal(await ackArgs(c, 'echo', value), [want], 'ack');
    const event = once(c, 'returned');
    c.emit('back', { event: 'returned', data: value });
    equal(await event, [want], 'event');
  },
});

// answered checks how the server decodes an answer of the client.
const answered = (name, args, want) => ({
  name: `the server's call, answered with ${name}`,
  async run(t) {
    const c = await t.connect();
    c.on('question', (_, ack) => ack(...args));
    equal(await ackArgs(c, 'ask', { event: 'question', data: 1 }), want);
  },
});

const deep = (n, leaf) => range(n).reduce((v) => ({ v }), leaf);
const ring = (n) => 'abcdefghij'.repeat(n / 10);

export default [
  {
    name: 'emit without arguments',
    browser: true,
    async run(t) {
      const c = await t.connect();
      equal(await ackArgs(c, 'echo'), []);
      const event = once(c, 'empty');
      c.emit('back', { event: 'empty' });
      equal(await event, []);
    },
  },
  {
    name: 'emit with three arguments',
    browser: true,
    async run(t) {
      const c = await t.connect();
      equal(await ackArgs(c, 'echo', 1, 'two', { three: [3] }), [1, 'two', { three: [3] }]);
    },
  },
  {
    name: 'several arguments to the client, binary among them',
    browser: true,
    async run(t) {
      const c = await t.connect();
      for (const data of [[1, 'two'], [blob(3), { b: blob(2) }, null], [[1, 2], []], [7], []]) {
        const event = once(c, 'several');
        c.emit('back', { event: 'several', data, spread: true });
        equal(await event, data);
      }
    },
  },
  {
    name: 'the server\'s call with two arguments',
    async run(t) {
      const c = await t.connect();
      c.on('question', (a, b, ack) => ack(b, a));
      equal(await ackArgs(c, 'ask', { event: 'question', data: ['a', blob(4)], spread: true }), [blob(4), 'a']);
    },
  },
  echoed('0', 0), echoed('false', false), echoed('true', true), echoed('empty string', ''), echoed('null', null),
  {
    name: 'value: undefined becomes null',
    async run(t) {
      equal(await ackArgs(await t.connect(), 'echo', undefined), [null]);
    },
  },
  echoed('object', { a: 1, b: { c: [null, 'x'] } }), echoed('array', [1, [2, []], {}]),
  echoed('array of one', [5]), echoed('empty array', []), echoed('empty object', {}),
  echoed('unicode', 'äöü ß 漢字 עברית'), echoed('emoji', '👩‍👩‍👧‍👦 🇩🇪 𝄞'),
  echoed('U+2028, U+2029 and U+0000', 'a\u2028b\u2029c\u0000d'), echoed('quotes and backslashes', '"\\\n\r\t/<>&\'\u001e'),
  echoed('2^53-1', 2 ** 53 - 1), echoed('-0 becomes 0', -0, 0), echoed('1e21', 1e21),
  echoed('5e-324', 5e-324), echoed('0.1+0.2', 0.1 + 0.2), echoed('a string of 100 KB', ring(100_000)),
  echoed('a string of 100 KB, not ASCII', 'ü漢'.repeat(20_000)), echoed('nested 100 levels', deep(100, 'x')),
  echoed('keys that look like JSON\'s own', { __proto__x: 1, constructor: 2, '': 3, 'a"b': 4 }),
  echoed('an object that looks like a placeholder, almost', { _placeholder: false, num: 0 }),
  echoed('binary', blob(5)), echoed('binary, empty', blob(0)), echoed('binary of 100 KB', blob(100_000)),
  echoed('ArrayBuffer', blob(9).buffer), echoed('binary, nested', { a: [{ b: blob(3) }], c: 'text' }),
  echoed('binary, several', [blob(1), 'x', blob(2, 5), { z: blob(0) }]),
  echoed('binary, ten parts', range(10).map((i) => blob(4, i))),
  echoed('binary nested 100 levels', deep(100, blob(3))),
  {
    name: 'value: a view of a part of a buffer',
    browser: true,
    async run(t) {
      const view = blob(100).subarray(10, 20);
      equal(await call(await t.connect(), 'echo', view), Uint8Array.from(view));
    },
  },
  {
    name: 'value: the same binary twice in one message',
    async run(t) {
      const b = blob(6);
      equal(await call(await t.connect(), 'echo', { x: b, y: b }), { x: b, y: b });
    },
  },
  {
    name: 'value: toJSON is respected',
    async run(t) {
      const when = new Date(0);
      equal(await call(await t.connect(), 'echo', { when }), { when: '1970-01-01T00:00:00.000Z' });
    },
  },
  {
    name: 'event names: unicode, quotes, spaces, 1 KB',
    async run(t) {
      const c = await t.connect();
      for (const name of ['ü 漢', 'a"b\\', ' ', 'x'.repeat(1000), '0', 'toString']) {
        const event = once(c, name);
        c.emit('back', { event: name, data: name.length });
        equal(await event, [name.length], name.slice(0, 10));
      }
    },
  },
  {
    name: 'an unhandled event has no effect',
    browser: true,
    async run(t) {
      const c = await t.connect();
      c.emit('unhandled', 1);
      c.emit('unhandled too', blob(3));
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'ack of a binary value',
    browser: true,
    async run(t) {
      const got = await call(await t.connect(), 'echo', blob(10));
      ok(isBinary(got) && same(bytes(got), blob(10)), 'not binary');
    },
  },
  {
    name: 'ack after a second',
    async run(t) {
      equal(await call(await t.connect(), 'slow', { ms: 1000, value: 'late' }), 'late');
    },
  },
  {
    name: 'ack timeout at the client, and its late ack is ignored',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const err = await c.timeout(60).emitWithAck('slow', { ms: 250, value: 1 }).then(() => null, (e) => e);
      equal(err?.message, 'operation has timed out');
      await pause(250);
      equal(await call(c, 'echo', 2), 2);
    },
  },
  {
    name: 'option ackTimeout',
    async run(t) {
      const c = await t.connect('/', { ackTimeout: 60 });
      const err = await new Promise((resolve) => c.emit('slow', { ms: 200, value: 1 }, (e) => resolve(e)));
      equal(err?.message, 'operation has timed out');
    },
  },
  {
    name: 'several acks out of order find their calls',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const done = [];
      await Promise.all([300, 150, 1].map(async (ms) => {
        equal(await call(c, 'slow', { ms, value: ms }), ms);
        done.push(ms);
      }));
      equal(done, [1, 150, 300]);
    },
  },
  {
    name: 'a hundred acks at once',
    async run(t) {
      const c = await t.connect();
      equal(await Promise.all(range(100).map((i) => call(c, 'echo', i))), range(100));
    },
  },
  {
    name: 'retries: the client sends again until it is answered',
    async run(t) {
      const c = await t.connect('/', { retries: 3, ackTimeout: 2000 });
      equal(await new Promise((resolve) => c.emit('echo', 'q', (err, v) => resolve(err ?? v))), 'q');
    },
  },
  answered('nothing', [], []), answered('0', [0], [0]), answered('false', [false], [false]), answered('""', [''], ['']),
  answered('null', [null], [null]), answered('undefined', [undefined], [null]), answered('an object', [{ a: [1] }], [{ a: [1] }]),
  answered('an array', [[1, 2]], [[1, 2]]), answered('an array and binary', [[1], blob(3)], [[1], blob(3)]), answered('two arguments', [1, 'b'], [1, 'b']),
  answered('binary', [blob(7)], [blob(7)]), answered('binary, nested', [{ x: [blob(2), blob(3)] }], [{ x: [blob(2), blob(3)] }]),
  {
    name: 'the server\'s call carries binary',
    async run(t) {
      const c = await t.connect();
      c.on('question', (x, ack) => ack(x));
      equal(await call(c, 'ask', { event: 'question', data: { f: blob(20) } }), { f: blob(20) });
    },
  },
  {
    name: 'the server\'s call is not answered in time',
    async run(t) {
      const c = await t.connect();
      let late;
      c.on('question', (_, ack) => (late = ack));
      equal(await call(c, 'ask', { event: 'question', data: 1, ms: 100 }), 'no answer');
      late('too late');
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'a client that answers twice',
    async run(t) {
      const c = await t.connect();
      c.on('question', (_, ack) => (ack(1), ack(2)));
      equal(await call(c, 'ask', { event: 'question', data: 1 }), 1);
      equal(await call(c, 'ask', { event: 'question', data: 1 }), 1);
    },
  },
  {
    name: 'a client that calls the server before it answers',
    async run(t) {
      const c = await t.connect();
      c.on('question', async (n, ack) => ack(await call(c, 'slow', { ms: 5, value: n })));
      equal(await Promise.all(range(5).map((i) => call(c, 'ask', { event: 'question', data: i }))), range(5));
    },
  },
  {
    name: 'the catch-all of the server sees every event',
    async run(t) {
      const c = await t.connect();
      await call(c, 'echo', 1);
      c.emit('unhandled', 1);
      c.emit('unhandled too', blob(2));
      equal(await call(c, 'log', `any:${c.id}`), ['echo', 'unhandled', 'unhandled too', 'log']);
    },
  },
  {
    name: 'the catch-all of the client sees every event',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const seen = [];
      c.onAny((event, x) => seen.push([event, x]));
      await call(c, 'back', { event: 'a', data: 1 });
      await call(c, 'back', { event: 'b', data: blob(2) });
      equal(seen, [['a', 1], ['b', blob(2)]]);
    },
  },
  {
    name: 'emit without compression',
    async run(t) {
      const c = await t.connect('/', {}, 'deflate');
      const event = once(c, 'x');
      c.compress(false).emit('back', { event: 'x', data: ring(5000), uncompressed: true });
      equal(await event, [ring(5000)]);
    },
  },
  {
    name: 'compression: texts and binary come through',
    browser: true,
    async run(t) {
      const c = await t.connect('/', {}, 'deflate');
      for (const x of ['short', ring(100_000), blob(50_000), { a: ring(3000), b: blob(3000) }]) {
        equal(await call(c, 'echo', x), x);
      }
    },
  },
];
