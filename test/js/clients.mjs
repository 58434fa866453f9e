// npm's clients, and npm's servers as a reference, driven by lines; see lines.mjs.
import http from 'node:http';
import https from 'node:https';
import { io } from 'socket.io-client';
import msgpack from 'socket.io-msgpack-parser';
import { serve, writeLine } from './lines.mjs';
import { PlainClient } from './plain.mjs';
import { serveSocketIO, servePlain } from './reference.mjs';

const clients = new Map();

// The parsers that tests name in opts.parser. Default: socket.io-parser.
const parsers = { msgpack };

function socketIO({ client, url, opts }) {
  const { localAddress, ca } = opts ?? {};
  const agent = localAddress && new (url.startsWith('https:') ? https : http).Agent({ localAddress, ca, keepAlive: true });
  const socket = io(url, { reconnection: false, forceNew: true, ...opts, ...(agent && { agent }), parser: parsers[opts?.parser] });
  const answers = new Map();
  let entered = false;
  socket.onAny((event, ...args) => {
    const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    if (ack && answers.has(event)) return ack(answers.get(event));
    writeLine({ client, event, args });
  });
  socket.on('disconnect', (reason, details) =>
    writeLine({ client, end: { reason, code: details?.context?.code ?? 0, description: String(details?.description ?? '') } }));
  const transport = () => socket.io.engine.transport.name;
  const driver = {
    id: () => socket.id,
    transport,
    // upgraded resolves when the transport is the wanted one.
    upgraded: ({ want }) =>
      new Promise((resolve) => {
        const look = () => transport() === want && resolve(want);
        socket.io.engine.on('upgrade', look);
        look();
      }),
    connected: () => socket.connected,
    recovered: () => socket.recovered,
    privateId: () => socket._pid,
    move: ({ url }) => void (socket.io.uri = url),
    emit: ({ event, args }) => void socket.emit(event, ...args),
    call: ({ event, args, timeout }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('operation has timed out')), timeout);
        socket.once('disconnect', (reason) => reject(new Error(`disconnected: ${reason}`)));
        socket.emit(event, ...args, (...reply) => (clearTimeout(timer), resolve(reply)));
      }),
    answer: ({ event, value }) => void answers.set(event, value),
    disconnect: () => void socket.disconnect(),
    // cut drops the connection without a close; websocket transport only.
    cut: () => void socket.io.engine.transport.ws._socket.destroy(),
    reconnect: () =>
      new Promise((resolve, reject) => {
        socket.once('connect', () => resolve(socket.id));
        socket.once('connect_error', reject);
        socket.connect();
      }),
    dispose: () => void socket.disconnect(),
  };
  return new Promise((resolve, reject) => {
    socket.on('connect', () => {
      if (entered) writeLine({ client, connected: socket.id });
      entered = true;
      resolve(driver);
    });
    socket.on('connect_error', (err) => {
      if (entered) return;
      socket.disconnect();
      reject(err);
    });
  });
}

serve(
  {
    socketio: async (request) => {
      const driver = await socketIO(request);
      clients.set(request.client, driver);
      return driver.id();
    },
    ws: async ({ client, url, opts }) => {
      clients.set(client, await PlainClient.dial(client, url, opts ?? {}));
    },
    to: ({ client, method, ...args }) => clients.get(client)[method](args),
    serveSocketIO: (request) => serveSocketIO(request.opts ?? {}),
    servePlain: () => servePlain(),
    versions: () => ({ node: process.versions.node }),
  },
  () => clients.forEach((c) => c.dispose()),
);
