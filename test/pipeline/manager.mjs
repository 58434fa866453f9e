// Direct access to socket.io-client's manager: several namespaces over one connection, sockets
// that retry after a rejection, and raw packets.
import { Manager } from 'socket.io-client';
import { serve } from '../js/lines.mjs';

const managers = new Map();
const sockets = new Map();
const received = new Map(); // by socket: events not yet consumed

// connect connects a socket and returns the server's answer.
const connect = (socket) =>
  new Promise((resolve) => {
    const settle = (answer) => {
      socket.off('connect', connected).off('connect_error', rejected);
      resolve(answer);
    };
    const connected = () => settle({ id: socket.id, connection: socket.io.engine.id });
    const rejected = ({ message, data, context }) =>
      settle({ rejected: { message, data, status: context?.status, text: context?.responseText } });
    socket.on('connect', connected).on('connect_error', rejected).connect();
  });

serve(
  {
    open: ({ manager, url, opts }) =>
      void managers.set(manager, new Manager(url, { reconnection: false, autoConnect: false, ...opts })),
    enter: ({ manager, socket: name, namespace, auth }) => {
      const socket = managers.get(manager).socket(namespace, { auth });
      const queue = { events: [], waiting: [] };
      sockets.set(name, socket);
      received.set(name, queue);
      socket.onAny((event, ...args) => {
        const i = queue.waiting.findIndex((w) => w.event === event);
        if (i < 0) return queue.events.push({ event, args });
        queue.waiting.splice(i, 1)[0].resolve(args);
      });
      return connect(socket);
    },
    retry: ({ socket: name, auth }) => {
      const socket = sockets.get(name);
      socket.auth = auth;
      return connect(socket);
    },
    // emit is buffered by the client until the socket is connected.
    emit: ({ socket, event, args }) => void sockets.get(socket).emit(event, ...args),
    call: ({ socket, event, args, timeout }) => sockets.get(socket).timeout(timeout).emitWithAck(event, ...args),
    // next waits for an event, or returns one that was received before.
    next: ({ socket, event }) => {
      const queue = received.get(socket);
      const i = queue.events.findIndex((e) => e.event === event);
      if (i >= 0) return queue.events.splice(i, 1)[0].args;
      return new Promise((resolve) => queue.waiting.push({ event, resolve }));
    },
    connected: ({ socket }) => sockets.get(socket).connected,
    // raw sends a packet below the parser, and waits for its ack if it has an ack id.
    raw: ({ manager, socket, packet, ack }) =>
      new Promise((resolve) => {
        if (ack === undefined) resolve();
        else sockets.get(socket).acks[ack] = (...args) => resolve(args);
        managers.get(manager).engine.write(packet);
      }),
    // closed waits until the connection is closed.
    closed: ({ manager }) =>
      new Promise((resolve) => {
        const m = managers.get(manager);
        m.on('close', () => resolve());
        if (m._readyState === 'closed') resolve();
      }),
    close: ({ manager }) => void managers.get(manager)._close(),
  },
  () => managers.forEach((m) => m._close()),
);
