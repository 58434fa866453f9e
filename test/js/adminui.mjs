// Plays one script of an admin page and a client against a server, and returns the forms of what the page receives. The server is npm's
// with instrument(), or one that is reached by a URL.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { serve } from './lines.mjs';

const { instrument } = createRequire(import.meta.url)('@socket.io/admin-ui');

// form returns what kind of value it is: of objects the keys, of lists the forms of their elements.
function form(value) {
  if (Array.isArray(value)) return [...new Map(value.map((v) => [JSON.stringify(form(v)), form(v)])).values()];
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.keys(value).sort().map((k) => [k, form(value[k])]));
}

async function reference({ username, hash, mode, readonly }) {
  const http = createServer();
  const server = new Server(http);
  server.on('connection', (socket) => {
    socket.on('join', (room, ack) => { socket.join(room); ack(room); });
    socket.on('say', (text, ack) => { socket.emit('said', text); ack(text); });
  });
  instrument(server, { auth: { type: 'basic', username, password: hash }, mode, readonly });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  closers.push(() => server.close());
  return `http://127.0.0.1:${http.address().port}`;
}

const closers = [];

async function play({ url, username, password }) {
  const seen = [];
  const waiting = new Set();
  // until resolves with the first event that matches from the place `from` on.
  const until = (what, match, from = 0) =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${what}; seen: ${seen.map((e) => JSON.stringify(e)).join('\n')}`)), 30_000);
      const look = () => {
        const found = seen.slice(from).find(match);
        if (!found) return;
        waiting.delete(look);
        clearTimeout(late);
        resolve(found);
      };
      waiting.add(look);
      look();
    });

  const wrong = io(`${url}/admin`, { auth: { username, password: 'wrong' }, forceNew: true, reconnection: false });
  const [refused] = await new Promise((resolve) => wrong.once('connect_error', (...args) => resolve(args)));
  wrong.close();

  // An earlier client, so that the list of sockets is not empty.
  const first = io(url, { forceNew: true, transports: ['websocket'] });
  await new Promise((resolve) => first.once('connect', resolve));
  await first.emitWithAck('join', 'tea');

  const admin = io(`${url}/admin`, { auth: { username, password }, forceNew: true, transports: ['websocket'], reconnection: false });
  admin.onAny((event, ...args) => {
    seen.push({ event, args });
    for (const look of [...waiting]) look();
  });
  await until('all_sockets', (e) => e.event === 'all_sockets');
  const session = (await until('session', (e) => e.event === 'session')).args[0];

  const client = io(url, { forceNew: true, transports: ['polling', 'websocket'], query: { lang: 'en' }, extraHeaders: { 'x-tea': 'green' } });
  await new Promise((resolve) => client.once('connect', resolve));
  await until('socket_updated', (e) => e.event === 'socket_updated');
  await client.emitWithAck('join', 'cups');
  await client.emitWithAck('say', 'hello');
  const of = (event, ...args) => (e) => e.event === event && args.every((a) => e.args.includes(a));
  admin.emit('join', '/', 'coffee', client.id);
  await until('room_joined', of('room_joined', 'coffee', client.id));
  admin.emit('leave', '/', 'coffee', client.id);
  await until('room_left', of('room_left', 'coffee', client.id));
  admin.emit('join', '/', 'all', undefined);
  await until('room_joined', of('room_joined', 'all', first.id));
  const got = new Promise((resolve) => client.once('greeting', (...args) => resolve(args)));
  admin.emit('emit', '/', 'cups', 'greeting', 'hi', { from: 'admin' });
  const emitted = await got;
  const id = client.id;
  const bye = new Promise((resolve) => client.once('disconnect', resolve));
  admin.emit('_disconnect', '/', false, id);
  const reason = await bye;
  await until('room_left', of('room_left', 'cups', id));
  await until('the room of the id', of('room_left', id));
  await until('socket_disconnected', of('socket_disconnected', id));
  client.close(); // the server sees the connection end
  const now = seen.length;
  const types = () => new Set(seen.filter((e) => e.event === 'server_stats').flatMap((e) => e.args[0].aggregatedEvents.map((a) => a.type)));
  await until('all counters', () => types().size === 6, now);
  first.close();

  const again = io(`${url}/admin`, { auth: { sessionId: session }, forceNew: true, transports: ['websocket'], reconnection: false });
  await new Promise((resolve, reject) => again.once('connect', resolve).once('connect_error', reject));
  again.close();
  admin.close();

  // Which counters are in one of several statistics depends on time: together they are one.
  const stats = seen.filter((e) => e.event === 'server_stats').map((e) => e.args[0]);
  const all = { ...stats[0], aggregatedEvents: stats.flatMap((s) => s.aggregatedEvents) };
  const others = seen.filter((e) => e.event !== 'server_stats');
  const events = {};
  for (const { event, args } of [...others, { event: 'server_stats', args: [all] }]) {
    if (args[0] === '/admin' || args[0]?.nsp === '/admin') continue; // the namespace of the page
    if (event === 'all_sockets') args[0] = args[0].filter((s) => s.nsp !== '/admin');
    (events[event] ??= new Set()).add(JSON.stringify(args.map(form)));
  }
  return {
    refused: refused.message,
    reason,
    emitted,
    features: seen.find((e) => e.event === 'config').args[0].supportedFeatures,
    types: [...types()].sort(),
    events: Object.fromEntries(Object.entries(events).sort().map(([name, forms]) => [name, [...forms].sort()])),
  };
}

serve({ reference, play }, () => Promise.all(closers.map((close) => close())));
