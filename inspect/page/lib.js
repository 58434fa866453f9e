// What all pages use: elements, requests, and the connection for live messages.

// h makes an element. Texts are always texts, never HTML.
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

// s makes an element of SVG.
export function s(tag, props, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

function fill(el, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'value') el.value = value;
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...children.flat(9).filter((c) => c !== undefined && c !== null && c !== false));
  return el;
}

export class Failure extends Error {
  constructor(status, body) {
    super(body?.message ?? `The application answered ${status}`);
    this.code = body?.code ?? '';
  }
}

async function request(path, options) {
  const res = await fetch(path, { ...options, redirect: 'error' });
  const text = await res.text();
  let body;
  try { body = text ? JSON.parse(text) : undefined; } catch { body = undefined; }
  if (!res.ok) throw new Failure(res.status, body);
  return body;
}

export const get = (path) => request('api/' + path);
export const post = (path, body) => request(path === 'session' ? path : 'api/' + path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}),
});

export const number = (n) => n.toLocaleString('en');

export function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1 << 20) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / (1 << 20)).toFixed(1)} MiB`;
}

export function micros(n) {
  if (n < 1000) return `${n} µs`;
  if (n < 1e6) return `${(n / 1000).toFixed(1)} ms`;
  return `${(n / 1e6).toFixed(1)} s`;
}

export function lasting(seconds) {
  const part = (n, unit) => (n ? `${n} ${unit} ` : '');
  const d = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, m = Math.floor(seconds / 60) % 60;
  if (d) return (part(d, 'd') + part(hours, 'h')).trim();
  if (hours) return (part(hours, 'h') + part(m, 'min')).trim();
  return m ? `${m} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

export const since = (ms) => lasting(Math.max(0, (Date.now() - ms) / 1000));

export const clock = (ms) => {
  const d = new Date(ms), p = (n, w = 2) => String(n).padStart(w, '0');
  return `${p(d.getHours())}:${p(d.getMinutes())}:${p(d.getSeconds())}.${p(d.getMilliseconds(), 3)}`;
};

export const tags = (all, kind = '') => all.map((t) => h('span', { class: 'tag ' + kind }, t));
export const empty = (text) => h('p', { class: 'empty' }, text);
export const clientLink = (id) => h('a', { href: '#/clients/' + encodeURIComponent(id), class: 'mono', title: id }, id.slice(0, 8));

// table makes a table that scrolls sideways in narrow windows. A column is [title, class], a row its cells.
export function table(caption, columns, rows) {
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption }, h('table', {},
    h('thead', {}, h('tr', {}, columns.map(([title, kind]) => h('th', { class: kind, scope: 'col' }, title)))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((c, n) => h('td', { class: columns[n][1] }, c)))))));
}

// redraw replaces what an element has, and keeps focus and scrolling where they are.
export function redraw(el, ...children) {
  const focusable = 'a, button, input, [tabindex]';
  const at = [...el.querySelectorAll(focusable)].indexOf(document.activeElement);
  const scrolled = [...el.querySelectorAll('.scroll')].map((x) => x.scrollLeft);
  el.replaceChildren(...children.filter(Boolean));
  el.querySelectorAll('.scroll').forEach((x, n) => { x.scrollLeft = scrolled[n] ?? 0; });
  if (at >= 0) el.querySelectorAll(focusable)[at]?.focus({ preventScroll: true });
}

// failed shows an error in an element.
export function failed(el, err) {
  el.replaceChildren(h('p', { class: 'note bad', role: 'alert' }, err.message));
}

// every calls f now and each interval while the page is shown, and waits for it; it returns a function that ends this.
export function every(ms, f) {
  let timer, on = true;
  const run = async () => {
    if (!document.hidden) await f();
    if (on) timer = setTimeout(run, ms);
  };
  run();
  return () => { on = false; clearTimeout(timer); };
}

// live is the connection by which messages come. onState and onMessages are set by those that use it.
export const live = {
  onState: () => {}, onMessages: null, why: '', on: false, filter: '', round: 0, id: 0, waiting: new Map(), socket: null,

  connect() {
    const url = new URL('live', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.hash = '';
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => { this.onState(true); if (this.on) this.watch(this.filter, true); };
    socket.onmessage = ({ data }) => {
      const m = JSON.parse(data);
      const waiting = this.waiting.get(m.id);
      this.waiting.delete(m.id);
      if (m.event === 'messages') { if (m.data.round === this.round) this.onMessages?.(m.data); }
      else if (m.event === 'exception') waiting ? waiting.reject(new Failure(400, m.data)) : (this.why = m.data?.message);
      else waiting?.resolve(m.data);
    };
    socket.onclose = () => {
      for (const w of this.waiting.values()) w.reject(new Failure(0, { message: 'The connection was lost' }));
      this.waiting.clear();
      this.onState(false, this.why);
      this.why = '';
      setTimeout(() => this.connect(), 1500);
      get('stats').catch((err) => { if (err.code) this.onState(false, err.message); }); // such as after a restart
    };
  },

  // watch asks for the messages of a filter, or for none.
  watch(filter, on) {
    this.filter = filter;
    this.on = on;
    const round = ++this.round; // what comes of an earlier filter is left out
    if (this.socket?.readyState !== WebSocket.OPEN) return Promise.resolve();
    const id = ++this.id;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ event: 'watch', data: { filter, on, round }, id }));
    }).then((m) => { if (on && m.round === this.round) this.onMessages?.(m); });
  },
};
