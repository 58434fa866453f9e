// The raw protocol, for what socket.io-client does not do. Node only.
import { request } from 'node:http';
import { WebSocket } from 'ws';
import { patience } from './matrix-kit.mjs';

const engine = (transport, sid) => `?EIO=4&transport=${transport}${sid ? `&sid=${sid}` : ''}`;

// http returns status, headers and body of a response.
export const http = (url, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false, timeout: patience }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.on('timeout', () => req.destroy(new Error('no answer')));
    req.end(body);
  });

// open opens a session over polling, and returns the response with its parsed packet.
export async function open(url, headers, path = '/socket.io/') {
  const base = url + path;
  const res = await http(base + engine('polling'), { headers });
  return { ...res, base, hello: res.status === 200 ? JSON.parse(res.body.toString().slice(1)) : null };
}

export const get = ({ base, hello }, headers) => http(base + engine('polling', hello.sid), { headers });

export const post = ({ base, hello }, body, headers) =>
  http(base + engine('polling', hello.sid), { method: 'POST', body, headers: { 'Content-Type': 'text/plain;charset=UTF-8', ...headers } });

// enter opens a polling session and connects to a namespace; sid is the client's id there.
export async function enter(url, ns = '/', headers = {}) {
  const session = await open(url, headers);
  await post(session, `40${ns === '/' ? '' : `${ns},`}`);
  const [first] = (await get(session)).body.toString().split('\x1e'); // a heartbeat may follow
  return { ...session, sid: JSON.parse(first.replace(/^40[^{]*/, '')).sid };
}

// ws returns a WebSocket in the main namespace with its id; it answers no heartbeats.
export const ws = (url) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/${engine('websocket')}`);
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = data.toString();
      if (text.startsWith('0')) socket.send('40');
      if (text.startsWith('40')) resolve({ socket, id: JSON.parse(text.slice(2)).sid });
    });
  });
