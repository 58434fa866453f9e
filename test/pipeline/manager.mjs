// socket.io-client with its manager in hand: several namespaces over one
// connection, sockets that try once more after a refusal, and packets by hand.
import { Manager } from 'socket.io-client';
import { serve } from '../js/lines.mjs';

const managers = new Map();
const sockets = new Map();
const arrived = new Map(); // by socket: events that nobody has asked for yet

// entering connects a socket and gives how the server answered.
const entering = (socket) =>
  new Promise((resolve) => {
    const settle = (answer) => {
      socket.off('connect', entered).off('connect_error', refused);
      resolve(answer);
    };
    const entered = () => settle({ id: socket.id, connection: socket.io.engine.id });
    const refused = ({ message, data, context }) =>
      settle({ refused: { message, data, status: context?.status, text: context?.responseText } });
    socket.on('connect', entered).on('connect_error', refused).connect();
  });

serve(
  {
    open: ({ manager, url, opts }) =>
      void managers.set(manager, new Manager(url, { reconnection: false, autoConnect: false, ...opts })),
    enter: ({ manager, socket: name, namespace, auth }) => {
      const socket = managers.get(manager).socket(namespace, { auth });
      const queue = { events: [], waiting: [] };
      sockets.set(name, socket);
      arrived.set(name, queue);
      socket.onAny((event, ...args) => {
        const i = queue.waiting.findIndex((w) => w.event === event);
        if (i < 0) return queue.events.push({ event, args });
        queue.waiting.splice(i, 1)[0].resolve(args);
      });
      return entering(socket);
    },
    again: ({ socket: name, auth }) => {
      const socket = sockets.get(name);
      socket.auth = auth;
      return entering(socket);
    },
    // emit is kept by the client until the socket is connected, as users know it.
    emit: ({ socket, event, args }) => void sockets.get(socket).emit(event, ...args),
    call: ({ socket, event, args, timeout }) => sockets.get(socket).timeout(timeout).emitWithAck(event, ...args),
    // next waits for an event, also one that has come before.
    next: ({ socket, event }) => {
      const queue = arrived.get(socket);
      const i = queue.events.findIndex((e) => e.event === event);
      if (i >= 0) return queue.events.splice(i, 1)[0].args;
      return new Promise((resolve) => queue.waiting.push({ event, resolve }));
    },
    connected: ({ socket }) => sockets.get(socket).connected,
    // raw sends a packet below the parser, and waits for its ack if it has the id of one.
    raw: ({ manager, socket, packet, ack }) =>
      new Promise((resolve) => {
        if (ack === undefined) resolve();
        else sockets.get(socket).acks[ack] = (...args) => resolve(args);
        managers.get(manager).engine.write(packet);
      }),
    // closed waits until the connection has ended.
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
