// Two transports to the same gateway. Both return an object with
//
//   call(event, data)  returns a promise of the answer
//   close()            closes without reconnecting
//
// and notify a listener: state(name, text) with the name open or waiting,
// event(name, data), and denied() if the token is invalid or expired. Both reconnect
// automatically, with the current token.
import { failure, isDenied } from './failure.js';
import { refresh, token } from './login.js';

const patience = 10_000;
const closeExpired = 4401; // close code of an expired token

export const hasSocketIO = () => typeof window.io === 'function';

export function socketIO(listener) {
  let timer;
  const socket = window.io('/chat', { forceNew: true, auth: (callback) => callback({ token: token() }) });
  socket.on('connect', () => listener.state('open', 'Connected over Socket.IO'));
  socket.on('disconnect', (reason) => {
    // socket.io-client does not reconnect after a disconnect by the server.
    if (reason === 'io server disconnect') socket.connect();
    if (reason !== 'io client disconnect') listener.state('waiting', 'Reconnecting…');
  });
  socket.on('connect_error', ({ data }) => {
    if (isDenied(data)) return listener.denied();
    listener.state('waiting', 'No connection, trying again…');
    // Nor after it was rejected.
    if (!socket.active) timer = setTimeout(() => socket.connect(), 2000);
  });
  socket.onAny((name, data) => listener.event(name, data));
  return {
    async call(event, data) {
      if (!socket.connected) throw new Error('Not connected at the moment.');
      const answer = await socket.timeout(patience).emitWithAck(event, data);
      if (answer?.status === 'error') throw failure(answer);
      return answer;
    },
    close() {
      clearTimeout(timer);
      socket.disconnect();
    },
  };
}

export function plain(listener) {
  const url = new URL('ws/chat', location.href.replace(/^http/, 'ws'));
  const waiting = new Map(); // request id to {resolve, reject}
  let socket, timer, closed = false, tries = 0, lastID = 0;

  const open = () => {
    let opened = false;
    // A page cannot set headers here, so the token is a subprotocol.
    socket = new WebSocket(url, ['bearer', token()]);
    socket.onopen = () => {
      opened = true;
      tries = 0;
      listener.state('open', 'Connected over plain WebSocket');
    };
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = async ({ code }) => {
      for (const { reject } of waiting.values()) reject(new Error('The connection was lost.'));
      waiting.clear();
      if (closed) return;
      if (code === closeExpired || (!opened && await denied())) {
        if (!closed) listener.denied();
        return;
      }
      if (closed) return;
      // 0.5 s, 1 s, 2 s … 15 s with jitter: after a restart of the server clients
      // must not reconnect all at once.
      const pause = Math.min(500 * 2 ** tries++, 15_000) * (0.5 + Math.random() / 2);
      listener.state('waiting', tries === 1 ? 'Reconnecting…' : 'No connection, trying again…');
      timer = setTimeout(open, pause);
    };
  };

  // Browsers hide the reason of a rejected handshake. A refresh of the token reveals it.
  const denied = () => refresh().then(() => false, isDenied);

  // A frame is an event, or an answer with the request's id and no event.
  const receive = ({ id, event, data }) => {
    const request = waiting.get(id);
    if (!request || (event && event !== 'exception')) {
      listener.event(event, data);
      return;
    }
    waiting.delete(id);
    if (event === 'exception') request.reject(failure(data));
    else request.resolve(data);
  };

  open();
  return {
    call(event, data) {
      if (socket.readyState !== WebSocket.OPEN) {
        return Promise.reject(new Error('Not connected at the moment.'));
      }
      return new Promise((resolve, reject) => {
        const id = ++lastID;
        const late = setTimeout(() => {
          waiting.delete(id);
          reject(new Error('The server does not answer.'));
        }, patience);
        const end = (settle) => (value) => { clearTimeout(late); settle(value); };
        waiting.set(id, { resolve: end(resolve), reject: end(reject) });
        socket.send(JSON.stringify({ event, data, id }));
      });
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close(1000);
    },
  };
}
