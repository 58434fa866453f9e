// A plain WebSocket client on npm's ws, with frames {"event","data","id"}.
import { WebSocket } from 'ws';
import { writeLine } from './lines.mjs';

export class PlainClient {
  #ws;
  #name;
  #next = 1;
  #calls = new Map();
  #answers = new Map();

  constructor(name, ws) {
    this.#name = name;
    this.#ws = ws;
    ws.on('message', (data, binary) => this.#receive(data, binary));
    ws.on('close', (code, reason) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`disconnected: ${code} ${reason}`));
      writeLine({ client: name, end: { code, reason: String(reason) } });
    });
    ws.on('error', (err) => writeLine({ client: name, problem: err.message }));
  }

  // dial listens from the first byte on, so that no early frame is lost.
  static dial(name, url, { protocols, ...opts }) {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(url, protocols ?? [], opts);
      let client;
      ws.on('upgrade', () => (client = new PlainClient(name, ws)));
      ws.on('open', () => resolve(client));
      ws.on('error', (err) => client || reject(err));
      ws.on('unexpected-response', async (_, res) => {
        let body = '';
        for await (const part of res) body += part;
        reject(Object.assign(new Error(`Unexpected server response: ${res.statusCode}`), { status: res.statusCode, body }));
      });
    });
  }

  #receive(data, binary) {
    const raw = () => writeLine({ client: this.#name, event: '', args: [binary ? data : String(data)] });
    if (binary) return raw();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return raw();
    }
    const { event, data: payload, id } = frame ?? {};
    const call = this.#calls.get(id);
    if (call && (event === undefined || event === 'exception')) {
      this.#calls.delete(id);
      return event === undefined
        ? call.resolve('data' in frame ? [payload] : [])
        : call.reject(Object.assign(new Error(payload?.message), { data: payload }));
    }
    if (typeof event !== 'string') return raw();
    if (id !== undefined && this.#answers.has(event)) {
      return this.#ws.send(JSON.stringify({ id, data: this.#answers.get(event) }));
    }
    writeLine({ client: this.#name, event, args: 'data' in frame ? [payload] : [] });
  }

  #send(event, args, id) {
    const data = args.length > 1 ? args : args[0];
    this.#ws.send(JSON.stringify({ event, data: toBase64(data), id }));
  }

  emit({ event, args }) {
    this.#send(event, args);
  }

  call({ event, args, timeout }) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      setTimeout(() => reject(new Error('operation has timed out')), timeout).unref();
      this.#calls.set(id, { resolve, reject });
      this.#send(event, args, id);
    });
  }

  answer({ event, value }) {
    this.#answers.set(event, value);
  }

  // send sends a raw frame: a Buffer as binary, a string as text.
  send({ frame }) {
    this.#ws.send(frame);
  }

  ping() {
    return new Promise((resolve) => {
      this.#ws.once('pong', () => resolve());
      this.#ws.ping();
    });
  }

  protocol() {
    return this.#ws.protocol;
  }

  connected() {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  disconnect({ code, reason }) {
    this.#ws.close(code || 1000, reason ?? '');
  }

  cut() {
    this.#ws.terminate();
  }

  dispose() {
    this.#ws.terminate();
  }
}

const toBase64 = (v) => {
  if (Buffer.isBuffer(v)) return v.toString('base64');
  if (Array.isArray(v)) return v.map(toBase64);
  if (v !== null && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, toBase64(x)]));
  return v;
};
