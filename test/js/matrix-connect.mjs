// Connecting clients.
import { call, connected, eventually, equal, left, ok, once, pause, rejected } from './matrix-kit.mjs';

const token = { auth: { token: 'secret' } };

export default [
  {
    name: 'a client connects',
    browser: true,
    async run(t) {
      const c = await t.connect();
      ok(c.connected && c.active && !c.recovered, 'not connected');
    },
  },
  {
    name: 'the id is the server\'s, and does not change',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const { id } = c;
      equal((await call(c, 'me')).id, id);
      await call(c, 'echo', 1);
      equal(c.id, id);
      equal((await call(c, 'me')).id, id);
    },
  },
  {
    name: 'ids differ between clients, and between namespaces of a connection',
    async run(t) {
      const [a, b] = await t.several(2);
      const c = await connected(a.io.socket('/chat'));
      ok(new Set([a.id, b.id, c.id, a.io.engine.id]).size === 4, `ids ${a.id} ${b.id} ${c.id}`);
    },
  },
  {
    name: 'auth reaches the server',
    browser: true,
    async run(t) {
      const auth = { token: 'x', deep: { n: [1, 'ü'] } };
      equal((await call(await t.connect('/', { auth }), 'me')).auth, auth);
    },
  },
  {
    name: 'auth given by a function',
    async run(t) {
      const c = await t.connect('/', { auth: (cb) => setTimeout(() => cb({ later: true }), 5) });
      equal((await call(c, 'me')).auth, { later: true });
    },
  },
  {
    name: 'each namespace of a connection has its own auth',
    async run(t) {
      const a = await t.connect('/', { auth: { who: 'a' } });
      const b = await connected(a.io.socket('/chat', { auth: { who: 'b' } }));
      equal((await call(a, 'me')).auth, { who: 'a' });
      equal((await call(b, 'me')).auth, { who: 'b' });
    },
  },
  {
    name: 'query reaches the server',
    browser: true,
    async run(t) {
      const c = await t.connect('/', { query: { q: 'a b&c=ü' } });
      equal((await call(c, 'me')).query, 'a b&c=ü');
    },
  },
  {
    name: 'headers and cookies reach the server',
    async run(t) {
      const c = await t.connect('/', { extraHeaders: { 'x-test': 'seen', cookie: 'a=1; b=2' } });
      equal((await call(c, 'me', ['x-test', 'cookie'])).headers, ['seen', 'a=1; b=2']);
    },
  },
  {
    name: 'several namespaces on one connection',
    browser: true,
    async run(t) {
      const a = await t.connect();
      const b = a.io.socket('/chat');
      const c = a.io.socket(t.ns());
      await Promise.all([connected(b), connected(c)]);
      equal(await Promise.all([a, b, c].map(async (s) => (await call(s, 'me')).namespace)), ['/', '/chat', c.nsp]);
      ok(a.io.engine === b.io.engine, 'two connections');
    },
  },
  {
    name: 'a namespace of a pattern',
    browser: true,
    async run(t) {
      const c = await t.connect('/rooms/blue');
      equal((await call(c, 'me')).namespace, '/rooms/blue');
    },
  },
  {
    name: 'namespaces of one pattern are apart',
    async run(t) {
      const [a, b] = [await t.connect(t.ns()), await t.connect(t.ns())];
      let came = 0;
      b.on('x', () => came++);
      const own = once(a, 'x');
      await call(a, 'cast', { event: 'x', data: 1 });
      await own;
      await call(b, 'echo', 1);
      equal(came, 0, 'foreign events');
    },
  },
  {
    name: 'only the main namespace, or only another',
    async run(t) {
      const c = await t.connect('/chat');
      equal((await call(c, 'me')).namespace, '/chat');
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'an unknown namespace is rejected: Invalid namespace',
    browser: true,
    async run(t) {
      const err = await rejected(t.open('/nowhere'));
      equal(err.message, 'Invalid namespace');
      equal(err.data, undefined, 'data');
    },
  },
  {
    name: 'an unknown namespace leaves the others of the connection alone',
    async run(t) {
      const a = await t.connect();
      await rejected(a.io.socket('/nowhere'));
      equal(await call(a, 'echo', 'still here'), 'still here');
    },
  },
  {
    name: 'a query in the namespace is not part of its name',
    async run(t) {
      const c = await t.connect('/chat?q=5');
      const me = await call(c, 'me');
      equal([me.namespace, me.query], ['/chat', '5']);
    },
  },
  {
    name: 'the guard rejects: connect_error with message and data',
    browser: true,
    async run(t) {
      const c = t.open('/guarded', { auth: { token: 'wrong' } });
      const err = await rejected(c);
      equal(err.message, 'Bad token');
      equal(err.data, { status: 'error', message: 'Bad token', code: 'token', details: { got: 'wrong' } });
      ok(!c.connected && c.id === undefined, 'connected in spite of the rejection');
    },
  },
  {
    name: 'the guard rejects a client without auth',
    async run(t) {
      equal((await rejected(t.open('/guarded'))).data.details, { got: null });
    },
  },
  {
    name: 'the guard accepts, and its value of the client is stored',
    async run(t) {
      const c = await t.connect('/guarded', token);
      equal((await call(c, 'me')).data, 'accepted');
    },
  },
  {
    name: 'rejected, then accepted on the same connection with the right auth',
    browser: true,
    async run(t) {
      const main = await t.connect();
      const c = main.io.socket('/guarded', { auth: { token: 'wrong' } });
      await rejected(c);
      const { engine } = main.io;
      c.auth = { token: 'secret' };
      c.connect();
      await connected(c);
      equal((await call(c, 'me')).data, 'accepted');
      ok(engine === c.io.engine, 'another connection');
    },
  },
  {
    name: 'a rejected namespace and an accepted one',
    async run(t) {
      const a = await t.connect();
      const b = a.io.socket('/guarded', { auth: {} });
      equal((await rejected(b)).message, 'Bad token');
      equal(await call(a, 'echo', 1), 1);
    },
  },
  {
    name: 'what was emitted before connect is sent after it',
    browser: true,
    async run(t) {
      const c = t.open();
      const answer = call(c, 'echo', 'early');
      ok(!c.connected, 'connected at once');
      equal(await answer, 'early');
    },
  },
  {
    name: 'events emitted in HandleConnection arrive first',
    browser: true,
    async run(t) {
      const c = t.open('/greeting', { auth: { n: 1 } });
      const [hello] = await once(c, 'hello');
      equal(hello, { auth: { n: 1 } });
      equal((await call(c, 'me')).rooms, ['greeted']);
    },
  },
  {
    name: 'a server that disconnects in HandleConnection',
    async run(t) {
      const c = t.open('/shut');
      const [word, reason] = await Promise.all([once(c, 'word'), once(c, 'disconnect')]);
      equal([word[0], reason[0]], ['closed today', 'io server disconnect']);
    },
  },
  {
    name: 'disconnect() while the guard thinks',
    async run(t) {
      const c = t.open('/slow');
      const main = await connected(c.io.socket('/'));
      c.disconnect();
      await pause(250);
      ok(!c.connected, 'connected');
      equal(await call(main, 'echo', 1), 1);
    },
  },
  {
    name: 'the connection is dropped while the guard runs',
    async run(t) {
      const witness = await t.connect();
      const c = t.open('/slow');
      await once(c.io, 'open');
      await pause(20);
      c.io.engine.close();
      await pause(250);
      equal(await call(witness, 'echo', 1), 1);
      ok(!c.connected, 'connected');
    },
  },
  {
    name: 'a slow guard',
    async run(t) {
      equal(await call(await t.connect('/slow'), 'echo', 1), 1);
    },
  },
  {
    name: 'connect() again after disconnect() is a new client',
    browser: true,
    async run(t) {
      const witness = await t.connect();
      const c = await t.connect();
      const { id } = c;
      c.disconnect();
      equal(await left(witness, id), 'client namespace disconnect');
      c.connect();
      await connected(c);
      ok(c.id !== id, 'the same id');
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'leave and enter a namespace again, twenty times',
    async run(t) {
      const a = await t.connect();
      const b = a.io.socket('/chat');
      for (let i = 0; i < 20; i++) {
        await connected(b, 4000);
        equal(await call(b, 'echo', i), i);
        b.disconnect().connect();
      }
      equal(await call(a, 'echo', 'here'), 'here');
    },
  },
  {
    name: 'the transport is the expected one',
    browser: true,
    async run(t) {
      const c = await t.connect();
      const want = t.mode === 'polling' ? 'polling' : 'websocket';
      await eventually(`transport ${want}`, async () => (await call(c, 'me')).transport === want);
      equal(c.io.engine.transport.name, want);
    },
  },
];
