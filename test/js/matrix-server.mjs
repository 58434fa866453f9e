// npm's socket.io with the behaviour described in test/matrix/gateway_test.go. Driven by lines:
// start {name, opts, port} returns the URL, stop {name}.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve } from './lines.mjs';

function behave(socket, logs) {
  const nsp = socket.nsp;
  const log = (tag, x) => logs.set(tag, [...(logs.get(tag) ?? []), x]);
  // A handler receives one value, several arguments as an array, and the arguments themselves; it
  // returns the arguments of the ack.
  const on = (event, handler) =>
    socket.on(event, async (...args) => {
      const ack = typeof args.at(-1) === 'function' ? args.pop() : () => {};
      const answer = await handler(args.length > 1 ? args : args[0], args);
      ack(...(answer ?? []));
    });
  const select = ({ to = [], except = [], notMe }) => {
    let b = nsp.except(except);
    if (to.length > 0) b = b.to(to);
    return notMe ? b.except(socket.id) : b;
  };
  const values = ({ data, spread }) => (spread ? data : data === undefined ? [] : [data]);
  const send = (to, spec) => {
    if (spec.volatile) to = to.volatile;
    if (spec.uncompressed) to = to.compress(false);
    to.emit(spec.event, ...values(spec));
  };
  const others = (rooms, id) => [...rooms].filter((r) => r !== id).sort();

  socket.onAny((event) => log(`any:${socket.id}`, event));
  socket.on('disconnect', (reason) => log(`left:${socket.id}`, reason));
  on('echo', (_, args) => args);
  on('slow', async ({ ms, value }) => (await new Promise((r) => setTimeout(r, ms)), [value]));
  on('back', (spec) => send(socket, spec));
  on('count', ({ event, n }) => {
    for (let i = 0; i < n; i++) socket.emit(event, i);
  });
  on('mix', ({ event, n }) => {
    for (let i = 0; i < n; i++) socket.emit(event, i % 2 ? Buffer.from([i]) : i);
  });
  on('ask', async ({ ms = 10_000, ...spec }) => {
    try {
      return await new Promise((resolve, reject) =>
        socket.timeout(ms).emit(spec.event, ...values(spec), (err, ...args) => (err ? reject(err) : resolve(args))));
    } catch {
      return ['no answer'];
    }
  });
  on('note', ({ tag, value }) => log(tag, value));
  on('log', (tag) => [logs.get(tag) ?? []]);
  on('me', (names) => [{
    id: socket.id, namespace: nsp.name, auth: socket.handshake.auth, query: socket.handshake.query.q ?? '',
    headers: (names ?? []).map((n) => socket.handshake.headers[n] ?? ''),
    recovered: socket.recovered, rooms: others(socket.rooms, socket.id), data: socket.data.value ?? null,
    transport: socket.conn.transport.name,
  }]);
  on('set', (value) => void (socket.data.value = value));
  on('join', (rooms) => socket.join(rooms));
  on('leave', (rooms) => rooms.forEach((r) => socket.leave(r)));
  on('cast', (spec) => send(select(spec), spec));
  on('poll', async (spec) => {
    const { answers, all } = await new Promise((resolve) =>
      select(spec).timeout(spec.ms).emit(spec.event, spec.data, (err, answers) => resolve({ answers, all: !err })));
    return [{ answers, all }];
  });
  on('clients', async (spec) => {
    const all = await select(spec).fetchSockets();
    return [all.map((s) => ({ id: s.id, rooms: others(s.rooms, s.id), data: s.data.value ?? null }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))];
  });
  on('all join', ({ rooms, ...spec }) => select(spec).socketsJoin(rooms));
  on('all leave', ({ rooms, ...spec }) => select(spec).socketsLeave(rooms));
  on('all kick', (spec) => select(spec).disconnectSockets());
  on('kick', (spec) => {
    for (const data of spec?.say ?? []) socket.emit('word', data);
    socket.disconnect();
  });
}

function build(opts) {
  const http = createServer((_, res) => res.writeHead(404).end()); // outside the path of Socket.IO
  const io = new Server(http, { cors: { origin: true, credentials: true }, ...opts });
  const logs = new Map();
  const enter = (socket) => behave(socket, logs);
  io.on('connection', enter);
  io.of('/chat').on('connection', enter);
  io.of(/^\/rooms\/[^/]+$/).on('connection', enter);
  io.of('/guarded').use((socket, next) => {
    const { token } = socket.handshake.auth;
    if (token === 'secret') {
      socket.data.value = 'accepted';
      return next();
    }
    next(Object.assign(new Error('Bad token'), {
      data: { status: 'error', message: 'Bad token', code: 'token', details: { got: token ?? null } },
    }));
  }).on('connection', enter);
  io.of('/slow').use((_, next) => setTimeout(next, 150)).on('connection', enter);
  io.of('/greeting').on('connection', (socket) => {
    enter(socket);
    socket.join('greeted');
    socket.emit('hello', { auth: socket.handshake.auth });
  });
  io.of('/shut').on('connection', (socket) => {
    enter(socket);
    socket.emit('word', 'closed today');
    socket.disconnect();
  });
  return { http, io };
}

const running = new Map();

serve({
  async start({ name, opts, port }) {
    const s = build(opts);
    running.set(name, s);
    await new Promise((resolve) => s.http.listen(port ?? 0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${s.http.address().port}`;
  },
  async stop({ name }) {
    await running.get(name).io.close();
    running.delete(name);
  },
}); // without closing clients, which would wait for connections that browsers keep open
