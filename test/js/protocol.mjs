// The reference server of test/protocol: the application of the official suites, with ways to
// observe disconnects and to wait until a request has arrived.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve } from './lines.mjs';


// Counter counts by key, and lets others wait for a count.
class Counter {
  #n = new Map();
  #waiting = new Set();
  add(key) {
    this.#n.set(key, (this.#n.get(key) ?? 0) + 1);
    for (const look of this.#waiting) look();
  }
  reached(key, n) {
    return new Promise((resolve) => {
      const look = () => {
        if ((this.#n.get(key) ?? 0) < n) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

const servers = [];
const requests = new Counter();

async function start({ opts }) {
  const http = createServer((_, res) => res.writeHead(404).end());
  const io = new Server(http, opts);
  const left = new Counter();
  const reasons = new Map();
  const behave = (socket) => {
    socket.emit('auth', socket.handshake.auth);
    socket.on('message', (...args) => socket.emit('message-back', ...args));
    socket.on('message-with-ack', (...args) => {
      const ack = args.pop();
      if (typeof ack === 'function') ack(...args);
    });
    socket.on('ticks', (n, ack) => {
      for (let i = 0; i < n; i++) socket.emit('tick', i);
      ack(n);
    });
    socket.on('kick', () => socket.disconnect());
    socket.on('left', async (id, ack) => {
      await left.reached(id, 1);
      ack(reasons.get(id));
    });
    socket.on('disconnect', (reason) => {
      reasons.set(socket.id, reason);
      left.add(socket.id);
    });
  };
  io.on('connection', behave);
  io.of('/custom').on('connection', behave);
  const arrived = (req) => requests.add(new URL(req.url, 'http://x').searchParams.get('sid'));
  http.prependListener('request', arrived);
  http.prependListener('upgrade', arrived);
  servers.push(io);
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${http.address().port}`;
}

serve(
  { start, arrived: ({ sid, n }) => requests.reached(sid, n) },
  () => Promise.all(servers.map((io) => io.close())),
);
