// A server of Socket.IO with @socket.io/redis-adapter, and an emitter, that run the code that tests send.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { createAdapter } from '@socket.io/redis-adapter';
import { Emitter } from '@socket.io/redis-emitter';
import { serve, writeLine } from './lines.mjs';

const started = [];
let io;
let emitter;

const namespaces = ['/', '/other'];

async function start({ port, key = 'socket.io', opts = {} }) {
  const pub = new Redis({ port, host: '127.0.0.1' });
  const sub = pub.duplicate();
  const http = createServer();
  io = new Server(http, { adapter: createAdapter(pub, sub, { key, requestsTimeout: 3000, ...opts }) });
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
    while ((await pub.pubsub('NUMSUB', own))[1] < 1) await new Promise((done) => setTimeout(done, 5));
  }
  await new Promise((done) => http.listen(0, '127.0.0.1', done));
  started.push(async () => { await io.close(); pub.disconnect(); sub.disconnect(); });
  return `http://127.0.0.1:${http.address().port}`;
}

const AsyncFunction = (async () => {}).constructor;
const run = ({ code }) => new AsyncFunction('io', 'emitter', code)(io, emitter);

// accept passes messages to the adapter as Redis would, and returns those that it does not accept.
async function accept({ messages }) {
  const redis = { psubscribe() {}, subscribe() {}, publish() {}, on() {}, off() {}, listenerCount: () => 2, pubsub() {} };
  const server = new Server({ adapter: createAdapter(redis, redis) });
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
        JSON.parse(bytes.toString());
        await adapter.onrequest(channel, bytes);
      }
    } catch (err) {
      refused.push(`${channel}: ${err}: ${bytes.toString('base64')}`);
    }
  }
  return refused;
}

serve({ start, run, accept }, async () => { for (const stop of started) await stop(); });
