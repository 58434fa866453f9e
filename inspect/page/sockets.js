// Clients of both platforms, as small as the inspector needs them. on has open(), frame(kind, event, data) and close(text).

// connect opens a client at an endpoint.
export function connect(platform, url, options, on) {
  const socket = new WebSocket(url, options.protocols);
  const client = platform === 'ws' ? plain(socket, on) : socketio(socket, options, on);
  socket.onclose = (e) => on.close(`closed ${e.code}${e.reason ? ' ' + e.reason : ''}${e.code === 1006 ? ': refused, or lost; the page Messages has the reason of a refusal' : ''}`);
  return { ...client, close: () => socket.close(1000) };
}

function plain(socket, on) {
  let id = 0;
  const sent = new Map();
  socket.onopen = on.open;
  socket.onmessage = ({ data }) => {
    let m;
    try { m = JSON.parse(data); } catch { return on.frame('event', '(no JSON)', data); }
    if (m.event === 'exception') on.frame('error', sent.get(m.id) ?? '', m.data);
    else if (m.id !== undefined && m.event !== undefined) on.frame('call', m.event, m.data);
    else if (m.id !== undefined) on.frame('answer', sent.get(m.id) ?? '', m.data);
    else on.frame('event', m.event, m.data);
  };
  return {
    send(event, data) {
      sent.set(++id, event);
      socket.send(JSON.stringify({ event, data, id }));
    },
  };
}

// Engine.IO 4 and Socket.IO 5 over WebSocket, without binary.
function socketio(socket, { namespace, auth }, on) {
  let id = 0;
  const sent = new Map(), ns = namespace === '/' ? '' : namespace + ',';
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') return on.frame('event', '(binary)', null);
    if (data === '2') return socket.send('3');
    if (data[0] === '0') return socket.send(`40${ns}${auth ? JSON.stringify(auth) : ''}`);
    if (data[0] !== '4') return;
    const [, type, attachments, rest] = /^4(\d)(\d+-)?(.*)$/s.exec(data);
    const [, ack, body] = /^(\d*)(.*)$/s.exec(rest.startsWith('/') ? rest.slice(rest.indexOf(',') + 1 || rest.length) : rest);
    let value;
    try { value = body ? JSON.parse(body) : undefined; } catch { value = body; }
    if (type === '0') on.open();
    else if (type === '4') on.frame('error', 'connect_error', value);
    else if (type === '1') on.close('the server has disconnected the client');
    else if (type === '3' || type === '6') on.frame('answer', sent.get(+ack) ?? '', value?.length > 1 ? value : value?.[0]);
    else if (type === '2' || type === '5') on.frame(ack ? 'call' : value[0] === 'exception' ? 'error' : 'event', value[0] + (attachments ? ' (binary)' : ''), value.length > 2 ? value.slice(1) : value[1]);
  };
  return {
    send(event, data) {
      sent.set(++id, event);
      socket.send(`42${ns}${id}${JSON.stringify(data === undefined ? [event] : [event, data])}`);
    },
  };
}
