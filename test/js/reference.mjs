// The reference servers: npm's own, with a few events for tests of clients and drivers. The
// behaviour is the same on both protocols:
//
//   echo x…      replies with x (several: an array)
//   nothing      replies with nothing
//   fail text    replies with a failure
//   back e x…    emits e with x
//   relay x…     emits "relayed" with x to all others (Socket.IO only)
//   ask e x      calls the client's e with x, then emits "answered" with the answer
//   kick         disconnects the client
//   cut          destroys the connection
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import msgpack from 'socket.io-msgpack-parser';
import { WebSocketServer } from 'ws';

// The parsers that tests name in opts.parser. Default: socket.io-parser.
const parsers = { msgpack };

const failure = (message) => ({ status: 'error', message });
const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${server.address().port}`)));

export async function serveSocketIO(opts) {
  const http = createServer();
  const io = new Server(http, {
    ...opts,
    ...(opts.parser && { parser: parsers[opts.parser] }),
    allowRequest: (req, cb) => cb(req.headers['x-reject'] ?? null, !req.headers['x-reject']),
  });
  const behave = (socket) => {
    const on = (event, handler) =>
      socket.on(event, (...args) => {
        const ack = typeof args.at(-1) === 'function' ? args.pop() : () => {};
        return handler(ack, ...args);
      });
    on('echo', (ack, ...args) => ack(...args));
    on('nothing', (ack) => ack());
    on('fail', (ack, text) => ack(failure(text)));
    on('back', (ack, event, ...args) => (socket.emit(event, ...args), ack()));
    on('relay', (ack, ...args) => (socket.broadcast.emit('relayed', ...args), ack('')));
    on('ask', async (ack, event, ...args) => socket.emit('answered', await socket.emitWithAck(event, ...args)));
    on('auth', (ack) => ack(socket.handshake.auth));
    on('header', (ack, name) => ack(socket.handshake.headers[name]));
    on('kick', () => socket.disconnect());
    on('kick all', () => socket.disconnect(true));
    on('cut', () => socket.conn.transport.socket._socket.resetAndDestroy());
    on('raw', (ack, text) => socket.conn.write(text));
    on('who left', (ack) => ack(left));
    socket.on('disconnect', (reason) => left.push(reason));
  };
  const left = [];
  io.on('connection', behave);
  io.of('/chat').on('connection', behave);
  io.of('/private').use((socket, next) => {
    if (socket.handshake.auth.token === 'secret') return next();
    next(Object.assign(new Error('no token'), { data: { status: 'error', code: 'token' } }));
  }).on('connection', behave);
  return `http://${await listen(http)}`;
}

export async function servePlain() {
  const http = createServer();
  const wss = new WebSocketServer({
    server: http,
    verifyClient: ({ req }, cb) =>
      req.headers['x-reject']
        ? cb(false, 403, JSON.stringify({ statusCode: 403, message: req.headers['x-reject'] }), { 'Content-Type': 'application/json' })
        : cb(true),
    handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
  });
  const left = [];
  wss.on('connection', (ws, req) => {
    const send = (frame) => ws.send(JSON.stringify(frame));
    const several = (args) => (args.length > 1 ? args : args[0]);
    const list = (data) => (Array.isArray(data) ? data : data === undefined ? [] : [data]);
    const questions = new Set();
    const handlers = {
      echo: (id, data) => send({ id, data }),
      nothing: (id) => send({ id }),
      fail: (id, text) => send({ event: 'exception', id, data: failure(text) }),
      back: (id, data) => {
        const [event, ...args] = list(data);
        send({ event, data: several(args) });
        if (id !== undefined) send({ id });
      },
      ask: (_, data) => {
        const [event, ...args] = list(data);
        questions.add(7);
        send({ event, data: several(args), id: 7 });
      },
      header: (id, name) => send({ id, data: req.headers[name] }),
      path: (id) => send({ id, data: req.url }),
      kick: () => ws.close(4001, 'kicked'),
      cut: () => ws._socket.resetAndDestroy(),
      raw: (_, text) => ws.send(text),
      'raw binary': (_, text) => ws.send(Buffer.from(text)),
      'who left': (id) => send({ id, data: left }),
    };
    ws.on('message', (text) => {
      const { event, data, id } = JSON.parse(text);
      if (event === undefined && questions.delete(id)) return send({ event: 'answered', data });
      if (Object.hasOwn(handlers, event)) handlers[event](id, data);
    });
    ws.on('close', (code, reason) => left.push(`${code} ${reason}`.trim()));
  });
  return `ws://${await listen(http)}`;
}
