// Helpers of the checks of the matrix. They run in Node and in a page.
const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };
export const patience = 30_000; // ms, of every wait

let last = 0;
const unique = () => `${Date.now().toString(36)}${Math.floor(Math.random() * 1e9).toString(36)}${++last}`;

// Kit has the helpers of one check; finish closes everything it opened.
export class Kit {
  constructor({ io, mode, urls, control, inPage = false }) {
    Object.assign(this, { io, mode, urls, control, inPage, opened: [] });
  }

  url(variant = 'main') {
    return this.urls[variant];
  }

  // ns is a namespace that only this check uses.
  ns() {
    return `/rooms/${unique()}`;
  }

  tag() {
    return unique();
  }

  // open opens a separate connection; it reconnects only if opts enable it.
  open(ns = '/', opts = {}, variant = 'main') {
    const socket = this.io(this.url(variant) + ns, {
      transports: transports[this.mode], reconnection: false, forceNew: true,
      reconnectionDelay: 20, reconnectionDelayMax: 60, ...opts,
    });
    this.opened.push(socket);
    return socket;
  }

  async connect(ns, opts, variant) {
    return connected(this.open(ns, opts, variant));
  }

  // pair returns two clients of a separate namespace.
  async several(n, ns = this.ns(), variant) {
    return Promise.all(Array.from({ length: n }, () => this.connect(ns, {}, variant)));
  }

  finish() {
    for (const s of this.opened) {
      s.io.reconnection(false);
      s.disconnect();
      s.io._close?.();
    }
  }
}

export async function connected(socket, ms = patience) {
  if (!socket.connected) {
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no connect')), ms);
      socket.once('connect', () => (clearTimeout(late), resolve()));
      if (!socket.io.reconnection()) {
        socket.once('connect_error', (err) => (clearTimeout(late), reject(err)));
      }
    });
  }
  return socket;
}

// once returns the arguments of the next event of that name.
export const once = (socket, event) =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${event}`)), patience);
    socket.once(event, (...args) => (clearTimeout(late), resolve(args)));
  });

// gather returns the first arguments of the next n events of that name.
export const gather = (socket, event, n) =>
  new Promise((resolve, reject) => {
    const got = [];
    const late = setTimeout(() => reject(new Error(`${got.length} of ${n} ${event}: ${show(got)}`)), patience);
    socket.on(event, (x) => {
      got.push(x);
      if (got.length === n) {
        clearTimeout(late);
        resolve(got);
      }
    });
  });

// record collects the first arguments of all later events of that name.
export function record(socket, event) {
  const got = [];
  socket.on(event, (x) => got.push(x)); // recovery adds an argument, the offset
  return got;
}

export const call = (socket, event, ...args) => socket.timeout(patience).emitWithAck(event, ...args);

// ackArgs returns all arguments of the ack.
export const ackArgs = (socket, event, ...args) =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ack of ${event}`)), patience);
    socket.emit(event, ...args, (...answer) => (clearTimeout(late), resolve(answer)));
  });

// rejected returns the connect_error.
export const rejected = (socket) =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no connect_error')), patience);
    socket.once('connect_error', (err) => (clearTimeout(late), resolve(err)));
    socket.once('connect', () => (clearTimeout(late), reject(new Error('connected, want connect_error'))));
  });

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// eventually polls probe until it returns a true value, and returns it.
export async function eventually(what, probe, every = 15) {
  for (const end = Date.now() + patience; ; await pause(every)) {
    const got = await probe();
    if (got) return got;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

// left returns the server's reason of a client's disconnect, through another client.
export const left = async (witness, id) =>
  (await eventually(`the server knows why ${id} left`, async () => {
    const reasons = await call(witness, 'log', `left:${id}`);
    return reasons.length > 0 && reasons;
  })).join();

export const range = (n) => Array.from({ length: n }, (_, i) => i);

export const isBinary = (v) => v instanceof ArrayBuffer || ArrayBuffer.isView(v);

export const bytes = (v) =>
  v instanceof ArrayBuffer ? new Uint8Array(v) : new Uint8Array(v.buffer, v.byteOffset, v.byteLength);

// blob returns n different bytes.
export const blob = (n, from = 0) => Uint8Array.from({ length: n }, (_, i) => (i * 7 + from) % 256);

export function same(a, b) {
  if (isBinary(a) || isBinary(b)) {
    if (!isBinary(a) || !isBinary(b)) return false;
    const [x, y] = [bytes(a), bytes(b)];
    return x.length === y.length && x.every((v, i) => v === y[i]);
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
}

export function show(v) {
  const text = JSON.stringify(v, (_, x) => (isBinary(x) ? `${bytes(x).length} bytes` : x === undefined ? 'undefined' : x));
  return text?.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : String(text);
}

export function equal(got, want, what = 'got') {
  if (!same(got, want)) throw new Error(`${what} ${show(got)}, want ${show(want)}`);
}

export function ok(cond, what) {
  if (!cond) throw new Error(what);
}

// play runs one check and returns its result.
export async function play(check, kit) {
  const started = Date.now();
  let detail = '';
  try {
    await Promise.race([
      check.run(kit),
      new Promise((_, reject) => setTimeout(() => reject(new Error('the check did not finish')), 2 * patience)),
    ]);
  } catch (err) {
    detail = err?.message || String(err) || 'failed';
  } finally {
    kit.finish();
  }
  return { name: check.name, ok: detail === '', detail, ms: Date.now() - started };
}

// playAll runs the checks, some in parallel, and passes each result to report.
export async function playAll(checks, makeKit, report, workers = 10) {
  const queue = [...checks];
  await Promise.all(Array.from({ length: workers }, async () => {
    for (let check = queue.shift(); check; check = queue.shift()) report(await play(check, makeKit()));
  }));
}

export const fits = (check, mode) => !check.modes || check.modes.includes(mode);
