// Limits, heartbeats and server options. Node only: some checks use the raw protocol.
import { gzipSync } from 'node:zlib';
import { blob, call, connected, equal, eventually, left, ok, once, pause, range, record } from './matrix-kit.mjs';
import { enter, get, http, open, post, ws } from './matrix-raw.mjs';

const byHand = ['polling']; // raw checks run in one mode only
const origin = 'http://page.example';

// overLimit sends more than the server with small limits accepts.
const overLimit = (name, data) => ({
  name,
  async run(t) {
    const witness = await t.connect('/', {}, 'small');
    const c = await t.connect('/', {}, 'small');
    const { id } = c;
    const gone = once(c, 'disconnect');
    c.emit('echo', data);
    await gone;
    await left(witness, id);
    equal(await call(witness, 'echo', 'x'.repeat(5000)), 'x'.repeat(5000));
  },
});

// broken sends an invalid packet.
const broken = (bad) => ({
  name: `the broken packet ${bad} closes its sender only`,
  modes: ['websocket'],
  async run(t) {
    const witness = await t.connect();
    const { socket, id } = await ws(t.url());
    socket.send(bad);
    await Promise.race([
      new Promise((resolve) => socket.once('close', resolve)),
      pause(2000).then(() => Promise.reject(new Error('not closed'))),
    ]).finally(() => socket.terminate());
    await left(witness, id);
    equal(await call(witness, 'echo', 1), 1);
  },
});

export default [
  overLimit('a text over the limit closes its sender only', 'x'.repeat(20_000)),
  overLimit('binary over the limit closes its sender only', blob(20_000)),
  {
    name: 'messages just under the limit pass',
    async run(t) {
      const c = await t.connect('/', {}, 'small');
      for (const x of ['x'.repeat(9900), blob(7000)]) equal(await call(c, 'echo', x), x);
    },
  },
  {
    name: 'the client knows the limit, and sends several small bodies',
    modes: ['polling'],
    async run(t) {
      const c = await t.connect('/', {}, 'small');
      const tag = t.tag();
      for (let i = 0; i < 40; i++) c.emit('note', { tag, value: i, pad: 'x'.repeat(900) });
      equal(await call(c, 'log', tag), range(40));
    },
  },
  {
    name: 'a body over the limit: 413',
    modes: byHand,
    async run(t) {
      const s = await enter(t.url('small'));
      equal((await post(s, `42["echo","${'x'.repeat(20_000)}"]`)).status, 413);
    },
  },
  {
    name: 'a compressed body is not taken',
    modes: byHand,
    async run(t) {
      const s = await enter(t.url());
      const body = gzipSync('42["note",{"tag":"squeezed","value":1}]');
      await post(s, body, { 'Content-Encoding': 'gzip' }).catch(() => null);
      equal(await call(await t.connect(), 'log', 'squeezed'), []);
    },
  },
  {
    name: 'ten attachments pass, eleven are rejected',
    async run(t) {
      const [c, witness] = [await t.connect(), await t.connect()];
      const ten = range(10).map((i) => blob(3, i));
      equal(await call(c, 'echo', ten), ten);
      const tag = t.tag();
      const { id } = c;
      const gone = once(c, 'disconnect');
      c.emit('note', { tag, value: range(11).map((i) => blob(3, i)) });
      await gone;
      await left(witness, id);
      equal(await call(witness, 'log', tag), []);
    },
  },
  {
    name: 'heartbeats keep a quiet client for 3 s',
    async run(t) {
      const c = await t.connect('/', {}, 'beating');
      const gone = record(c, 'disconnect');
      await pause(3000);
      equal(gone, []);
      equal(await call(c, 'echo', 1), 1);
    },
  },
  {
    name: 'a WebSocket that answers no heartbeat: ping timeout',
    modes: ['websocket'],
    async run(t) {
      const { socket, id } = await ws(t.url('beating'));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      equal(await left(await t.connect('/', {}, 'beating'), id), 'ping timeout');
      await closed;
    },
  },
  {
    name: 'a polling client that stops polling: ping timeout',
    modes: byHand,
    async run(t) {
      const { sid } = await enter(t.url('beating'));
      equal(await left(await t.connect('/', {}, 'beating'), sid), 'ping timeout');
    },
  },
  {
    name: 'volatile events are dropped for a polling client without a poll',
    modes: byHand,
    async run(t) {
      const ns = t.ns();
      const sender = await t.connect(ns);
      const stuck = await enter(t.url(), ns);
      for (let i = 0; i < 5; i++) await call(sender, 'cast', { event: 'x', data: i, volatile: true, notMe: true });
      await call(sender, 'cast', { event: 'x', data: 'kept', notMe: true });
      equal((await get(stuck)).body.toString(), `42${ns},["x","kept"]`);
    },
  },
  {
    name: 'a path of its own, with and without a slash',
    async run(t) {
      for (const opts of [{ path: '/own/' }, { path: '/own', addTrailingSlash: false }]) {
        equal(await call(await t.connect('/', opts, 'own'), 'echo', 1), 1, opts.path);
      }
    },
  },
  {
    name: 'the default path and its neighbours are not served',
    modes: byHand,
    async run(t) {
      for (const path of ['/socket.io/', '/owner/', '/']) {
        equal((await open(t.url('own'), {}, path)).status, 404, path);
      }
    },
  },
  {
    name: 'a cookie with the session id',
    modes: byHand,
    async run(t) {
      const s = await open(t.url('own'), {}, '/own/');
      equal(s.headers['set-cookie'].join(), `gate=${s.hello.sid}; Path=/; HttpOnly; SameSite=Lax`);
    },
  },
  {
    name: 'no cookie by default',
    modes: byHand,
    async run(t) {
      equal((await open(t.url())).headers['set-cookie'], undefined);
    },
  },
  {
    name: 'CORS headers of every answer',
    modes: byHand,
    async run(t) {
      const s = await open(t.url(), { origin });
      const cors = ({ headers }) => [headers['access-control-allow-origin'], headers['access-control-allow-credentials']];
      equal(cors(s), [origin, 'true'], 'handshake');
      equal(cors(await post(s, '40', { origin })), [origin, 'true'], 'POST');
      equal(cors(await get(s, { origin })), [origin, 'true'], 'GET');
      ok(/origin/i.test(s.headers.vary ?? ''), `Vary: ${s.headers.vary}`);
    },
  },
  {
    name: 'CORS preflight',
    modes: byHand,
    async run(t) {
      const { status, headers } = await http(`${t.url()}/socket.io/?EIO=4&transport=polling`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-own' },
      });
      equal([status, headers['access-control-allow-origin'], headers['access-control-allow-headers']], [204, origin, 'x-own']);
      ok(/POST/.test(headers['access-control-allow-methods']), `methods ${headers['access-control-allow-methods']}`);
    },
  },
  {
    name: 'what the handshake says',
    modes: byHand,
    async run(t) {
      const { hello, headers } = await open(t.url('beating'));
      const { sid, ...rest } = hello;
      ok(sid.length >= 16, `sid ${sid}`);
      equal(rest, { upgrades: ['websocket'], pingInterval: 300, pingTimeout: 3000, maxPayload: 1_000_000 });
      equal(headers['content-type'], 'text/plain; charset=UTF-8');
    },
  },
  {
    name: 'rejections have status 400 and a code',
    modes: byHand,
    async run(t) {
      const at = `${t.url()}/socket.io/`;
      const say = async (q, opts) => {
        const { status, body } = await http(at + q, opts);
        return [status, JSON.parse(body.toString()).code];
      };
      equal(await say('?EIO=4&transport=tin'), [400, 0], 'unknown transport');
      equal(await say('?EIO=4&transport=polling&sid=none'), [400, 1], 'unknown sid');
      equal(await say('?EIO=4&transport=polling', { method: 'POST' }), [400, 2], 'bad handshake method');
      equal(await say('?EIO=3&transport=polling'), [400, 5], 'protocol version');
    },
  },
  {
    name: 'WebSocket only: polling is rejected',
    modes: byHand,
    async run(t) {
      equal((await open(t.url('ws only'))).status, 400);
      const err = await new Promise((resolve) => t.open('/', {}, 'ws only').once('connect_error', resolve));
      equal(err.message, 'xhr poll error');
    },
  },
  {
    name: 'WebSocket only: a WebSocket connects',
    modes: ['websocket'],
    async run(t) {
      equal(await call(await t.connect('/', {}, 'ws only'), 'echo', 1), 1);
    },
  },
  {
    name: 'upgrades off: the client stays on polling',
    modes: ['upgrade'],
    async run(t) {
      const c = await t.connect('/', {}, 'no upgrade');
      await pause(200);
      equal(await call(c, 'echo', 1), 1);
      equal([c.io.engine.transport.name, (await call(c, 'me')).transport], ['polling', 'polling']);
    },
  },
  {
    name: 'upgrades off: a WebSocket connects',
    modes: ['websocket'],
    async run(t) {
      equal(await call(await t.connect('/', {}, 'no upgrade'), 'echo', 1), 1);
    },
  },
  {
    name: 'WebSocket first, polling as the way out',
    modes: ['upgrade'],
    async run(t) {
      const c = await t.connect('/', { transports: ['websocket', 'polling'] });
      equal([c.io.engine.transport.name, await call(c, 'echo', 1)], ['websocket', 1]);
    },
  },
  {
    name: 'answers to polls are compressed from the threshold on',
    modes: byHand,
    async run(t) {
      const ns = t.ns();
      const sender = await t.connect(ns, {}, 'deflate');
      const s = await enter(t.url('deflate'), ns);
      const fetched = async (data) => {
        await call(sender, 'cast', { event: 'x', data, notMe: true });
        const { headers } = await get(s, { 'accept-encoding': 'gzip' });
        return headers['content-encoding'] ?? 'none';
      };
      equal([await fetched('small'), await fetched('x'.repeat(5000))], ['none', 'gzip']);
    },
  },
  {
    name: 'WebSocket messages are compressed when that is on, and not when it is off',
    modes: ['websocket'],
    async run(t) {
      const negotiated = async (variant) => (await t.connect('/', {}, variant)).io.engine.transport.ws.extensions;
      ok((await negotiated('deflate')).includes('permessage-deflate'), 'not negotiated');
      equal(await negotiated('main'), '');
    },
  },
  ...['4', '49', '42{', '42["x"', '42[]', '451-["x"]'].map(broken),
  {
    name: 'a connection that polls twice at once is closed',
    modes: byHand,
    async run(t) {
      const s = await enter(t.url());
      const first = get(s);
      await pause(50);
      equal((await get(s)).status, 400);
      await first;
      equal(['transport error', 'transport close'].includes(await left(await t.connect(), s.sid)), true);
    },
  },
  {
    name: 'many namespaces on one connection at once',
    async run(t) {
      const a = await t.connect();
      const all = await Promise.all(range(30).map(() => connected(a.io.socket(t.ns()))));
      equal(await Promise.all(all.map((s, i) => call(s, 'echo', i))), range(30));
      a.io.engine.close();
      await eventually('all have gone', () => all.every((s) => !s.connected));
    },
  },
];
