// Two ways to the same gateway. Both give an object with
//
//   call(event, data)  a promise of the answer
//   close()            the end, without reconnecting
//
// and tell a listener: state(name, text) with name open or waiting, event(name, data),
// and denied() when the token is not, or no longer, good. Both reconnect by themselves,
// each time with the token of that moment.
import { failure, isDenied } from './failure.js';
import { refresh, token } from './login.js';

const patience = 10_000;
const closeExpired = 4401; // the close code of a token that has ended

export const hasSocketIO = () => typeof window.io === 'function';

export function socketIO(listener) {
  let timer;
  const socket = window.io('/chat', { forceNew: true, auth: (tell) => tell({ token: token() }) });
  socket.on('connect', () => listener.state('open', 'Connected over Socket.IO'));
  socket.on('disconnect', (reason) => {
    // The client does not come back by itself when the server has sent it away.
    if (reason === 'io server disconnect') socket.connect();
    if (reason !== 'io client disconnect') listener.state('waiting', 'Reconnecting…');
  });
  socket.on('connect_error', ({ data }) => {
    if (isDenied(data)) return listener.denied();
    listener.state('waiting', 'No connection, trying again…');
    // Nor when it was refused.
    if (!socket.active) timer = setTimeout(() => socket.connect(), 2000);
  });
  socket.onAny((name, data) => listener.event(name, data));
  return {
    async call(event, data) {
      if (!socket.connected) throw new Error('There is no connection at the moment.');
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
  const waiting = new Map(); // request id to its promise's ends
  let socket, timer, closed = false, tries = 0, lastID = 0;

  const open = () => {
    let opened = false;
    // A page cannot set headers here, so the token goes where subprotocols are listed.
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
      // 0.5 s, 1 s, 2 s … 15 s, each with some chance in it: a server that
      // comes back must not meet everybody at once.
      const pause = Math.min(500 * 2 ** tries++, 15_000) * (0.5 + Math.random() / 2);
      listener.state('waiting', tries === 1 ? 'Reconnecting…' : 'No connection, trying again…');
      timer = setTimeout(open, pause);
    };
  };

  // Why a handshake was refused, browsers do not tell a page. The server does, when it
  // is asked for a new token.
  const denied = () => refresh().then(() => false, isDenied);

  // A frame is an answer, with the request's id and no event of its own, or an event.
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
        return Promise.reject(new Error('There is no connection at the moment.'));
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
