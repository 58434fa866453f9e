// A server of Socket.IO with @socket.io/redis-adapter, and an emitter, that run the code that tests send.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { encode, serve, writeLine } from './lines.mjs';

const started = [];
let io;
let emitter;

const namespaces = ['/', '/other'];

// connect returns two clients of the package, and what ends them.
async function connect(name, port) {
  if (name === 'ioredis') {
    const pub = new Redis({ port, host: '127.0.0.1' });
    const sub = pub.duplicate();
    return { pub, sub, subscribers: async (channel) => (await pub.pubsub('NUMSUB', channel))[1], end: () => { pub.disconnect(); sub.disconnect(); } };
  }
  const pub = createClient({ url: `redis://127.0.0.1:${port}` });
  const sub = pub.duplicate();
  await Promise.all([pub.connect(), sub.connect()]);
  const subscribers = async (channel) => (await pub.sendCommand(['PUBSUB', 'NUMSUB', channel]))[1];
  return { pub, sub, subscribers, end: () => { pub.destroy(); sub.destroy(); } };
}

async function start({ port, key = 'socket.io', client = 'ioredis', opts = {} }) {
  const { pub, sub, subscribers, end } = await connect(client, port);
  const http = createServer();
  io = new Server(http, { adapter: createAdapter(pub, sub, { key, requestsTimeout: 20_000, ...opts }) });
  emitter = new Emitter(pub, { key });
  for (const name of namespaces) {
    const nsp = io.of(name);
    nsp.on('connection', (socket) => {
      socket.on('join', (rooms, ack) => { socket.join(rooms); ack('joined'); });
      socket.on('id', (...args) => args.pop()(socket.id));
      socket.on('rooms', (...args) => args.pop()([...socket.rooms].filter((r) => r !== socket.id).sort()));
      socket.on('disconnect', (reason) => writeLine({ event: 'left', args: [socket.id, reason] }));
    });
    nsp.on('hello', (...args) => {
      if (typeof args.at(-1) === 'function') args.pop()('from Node');
      writeLine({ event: 'hello', args: [name, ...args] });
    });
  }
  for (const name of namespaces) { // until this adapter has subscribed
    const own = `${key}-response#${name}#${io.of(name).adapter.uid}#`;
    while ((await subscribers(own)) < 1) await new Promise((done) => setTimeout(done, 5));
  }
  await new Promise((done) => http.listen(0, '127.0.0.1', done));
  started.push(async () => { await io.close(); end(); });
  return `http://127.0.0.1:${http.address().port}`;
}

const AsyncFunction = (async () => {}).constructor;
const run = ({ code }) => new AsyncFunction('io', 'emitter', code)(io, emitter);

// A redis that keeps what is published.
const recorder = (sent) => ({
  psubscribe() {}, subscribe() {}, on() {}, off() {}, listenerCount: () => 2, pubsub() {},
  publish(channel, bytes) { sent?.push({ channel, bytes: Buffer.from(bytes) }); },
});

// random returns numbers below n, the same for a seed.
const random = (seed) => (n) => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
};

const texts = ['', 'a', 'room #*?[x]', 'ü😀\u2028\u0000', '__proto_', 'constructor', '7', 'x'.repeat(40), 'ö'.repeat(300), '#', '/'];
const numbers = [0, -1, 127, 128, 255, 256, -32, -33, -128, -129, 65535, 65536, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, -(2 ** 53), 0.1, 1e300, -1e-300, -0, NaN, Infinity];

function value(next, depth) {
  switch (next(12)) {
    case 0: case 1: return depth > 0 ? Array.from({ length: next(20) }, () => value(next, depth - 1)) : [];
    case 2: case 3: return Object.fromEntries(Array.from({ length: depth > 0 ? next(20) : 0 }, () => [texts[next(texts.length)] + next(3), value(next, depth - 1)]));
    case 4: case 5: return texts[next(texts.length)];
    case 6: case 7: return numbers[next(numbers.length)];
    case 8: return [null, undefined, new Date(1e12 + next(1e6))][next(3)];
    case 9: return Buffer.alloc(next(20) === 0 ? next(70000) : next(20), next(256));
    default: return next(2) === 0;
  }
}

// generate returns what the adapter publishes for random calls, and of events what another server of Node reads.
function generate({ count, seed }) {
  const next = random(seed);
  const sent = [];
  const server = new Server({ adapter: createAdapter(recorder(sent), recorder()) });
  const all = () => Array.from({ length: next(4) }, () => texts[next(texts.length)]);
  while (sent.length < count) {
    const to = server.of(next(2) === 0 ? '/' : '/a b').in(all()).except(all());
    switch (next(8)) {
      case 0: to.socketsJoin(all()); break;
      case 1: to.socketsLeave(all()); break;
      case 2: to.disconnectSockets(next(2) === 0); break;
      case 3: server.serverSideEmit('event', ...Array.from({ length: next(3) }, () => texts[next(texts.length)])); break;
      default: (next(3) === 0 ? to.volatile : to).compress(next(2) === 0).emit('e' + texts[next(texts.length)], ...Array.from({ length: next(4) }, () => value(next, 3)));
    }
  }
  const { parser } = server.of('/').adapter;
  return sent.map(({ channel, bytes }) => {
    const [, packet, opts] = bytes[0] === 0x7b ? [] : parser.decode(bytes);
    return { channel, bytes: bytes.toString('base64'), event: packet?.data[0], args: packet && encode(packet.data.slice(1)), rooms: opts?.rooms, except: opts?.except };
  });
}

// accept passes messages to the adapter as Redis would, and returns those that it does not accept.
async function accept({ messages }) {
  const server = new Server({ adapter: createAdapter(recorder(), recorder()) });
  server.of('/a b');
  const refused = [];
  for (const { channel, namespace, bytes } of messages) {
    const adapter = server.of(namespace).adapter;
    try {
      if (channel.startsWith('socket.io#')) {
        const [uid, packet, opts] = adapter.parser.decode(bytes);
        if (typeof uid !== 'string' || packet.nsp !== namespace || !Array.isArray(packet.data) || !Array.isArray(opts.rooms) || !Array.isArray(opts.except)) throw new Error('not a broadcast');
        for (const room of opts.rooms) adapter.rooms.set(room, new Set());
        adapter.onmessage(null, channel, bytes);
        adapter.rooms.clear();
      } else {
        if (bytes[0] === 0x7b) JSON.parse(bytes.toString());
        else if (adapter.parser.decode(bytes).packet.nsp !== namespace) throw new Error('not a call');
        await adapter.onrequest(channel, bytes);
      }
    } catch (err) {
      refused.push(`${channel}: ${err}: ${bytes.toString('base64')}`);
    }
  }
  return refused;
}

serve({ start, run, accept, generate }, async () => { for (const stop of started) await stop(); });
