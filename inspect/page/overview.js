import { bytes, clientLink, empty, every, failed, get, h, lasting, number, redraw, s, table, tags } from './lib.js';

export const overview = {
  name: 'overview',
  title: 'Overview',
  show(root) {
    const body = h('div');
    root.append(h('h2', {}, 'Overview'), body);
    return every(1000, async () => {
      try { draw(body, await get('stats')); } catch (err) { failed(body, err); }
    });
  },
};

const sum = (all, f) => all.reduce((n, x) => n + f(x), 0);
const last = (all, n) => sum(all.slice(-n), (x) => x) / n;
const stat = (label, value, bad) => h('div', { class: 'card' }, h('div', { class: 'stat' + (bad ? ' bad' : '') }, value), h('div', { class: 'label' }, label));

function draw(body, o) {
  const dropped = sum(o.endpoints, (e) => e.dropped), failedRate = last(o.rates.failed, 5);
  redraw(body,
    h('p', { class: 'lead' }, [o.name, `up ${lasting(o.uptime)}`, `process ${o.pid} on ${o.host}`, o.go, o.version].filter(Boolean).join(' · ')),
    o.stopping || !o.ready ? h('p', { class: 'note' }, 'The application is stopping: it drains its clients.') : null,
    h('div', { class: 'grid' },
      stat('clients', number(sum(o.endpoints, (e) => e.clients))),
      stat('messages in, per second', number(Math.round(last(o.rates.in, 5)))),
      stat('messages out, per second', number(Math.round(last(o.rates.out, 5)))),
      stat('errors per second', failedRate ? failedRate.toFixed(1) : '0', failedRate > 0),
      stat('handlers running', number(sum(o.endpoints, (e) => e.handlers))),
      stat('queued for clients', bytes(sum(o.endpoints, (e) => e.queued))),
      stat('events dropped', number(dropped), dropped > 0),
      stat('goroutines', number(o.goroutines)),
      stat('heap', bytes(o.heap))),
    h('section', { class: 'card' }, h('h3', {}, 'Messages per second, the last minute'), chart(o.rates),
      h('p', { class: 'soft' }, 'Counted while a page of the inspector is open.')),
    h('section', { class: 'card' }, h('h3', {}, 'Endpoints'), o.endpoints.length ? table('Endpoints',
      [['endpoint', 'name'], ['clients', 'num'], ['transports'], ['suspended', 'num'], ['rooms', 'num'], ['waiting', 'num'], ['queued', 'num'], ['unknown', 'num'], ['dropped', 'num']],
      o.endpoints.map((e) => [h('code', {}, e.name), number(e.clients), tags(Object.entries(e.transports).map(([t, n]) => `${t} ${n}`)), number(e.suspended),
        number(e.rooms), number(e.waiting), bytes(e.queued), number(e.unknown), number(e.dropped)])) : empty('The application has no gateways.')),
    h('div', { class: 'pair' },
      h('section', { class: 'card' }, h('h3', {}, 'Fullest queues'), o.queues.length ? table('Fullest queues', [['client'], ['endpoint', 'name'], ['queued', 'num']],
        o.queues.map((q) => [clientLink(q.client), h('code', {}, q.endpoint), bytes(q.bytes)])) : empty('Nothing waits to be sent.')),
      h('section', { class: 'card' }, h('h3', {}, 'Nodes'), table('Nodes', [['node', 'name'], ['']],
        (o.nodes ?? []).map((n) => [h('code', {}, n.id), n.self ? tags(['this one']) : ''])), backplane(o.backplane))));
}

function backplane(b) {
  if (!b) return h('p', { class: 'soft' }, 'No backplane: the application has one node.');
  const state = b.up ? (b.degraded ? 'degraded' : 'up') : 'down';
  return h('p', {}, tags([state], state === 'up' ? 'out' : 'bad'), ` ${number(b.sent)} sent, ${number(b.received)} received, ${number(b.dropped)} dropped, ${number(b.queued)} waiting. ${b.reason ?? ''}`);
}

// chart draws the rates as lines, with what they are at the end.
function chart(rates) {
  const w = 600, height = 120, top = Math.max(1, ...rates.in, ...rates.out, ...rates.failed);
  const path = (all) => all.map((n, x) => `${x ? 'L' : 'M'}${((x / (all.length - 1)) * w).toFixed(1)} ${(height - (n / top) * (height - 8)).toFixed(1)}`).join('');
  const now = (all) => number(all.at(-1) ?? 0);
  return h('div', {},
    s('svg', { viewBox: `0 0 ${w} ${height + 2}`, width: '100%', height: 130, preserveAspectRatio: 'none', role: 'img', 'aria-label': `in ${now(rates.in)}, out ${now(rates.out)}, errors ${now(rates.failed)} in the last second` },
      s('line', { class: 'axis', x1: 0, x2: w, y1: height, y2: height }),
      s('line', { class: 'axis', x1: 0, x2: w, y1: 8, y2: 8 }),
      [['in', rates.in], ['out', rates.out], ['bad', rates.failed]].map(([kind, all]) => s('path', { class: 'line ' + kind, d: path(all), 'vector-effect': 'non-scaling-stroke' }))),
    h('div', { class: 'legend' },
      h('span', {}, h('i', { class: 'key in' }), `in ${now(rates.in)}`), h('span', {}, h('i', { class: 'key out' }), `out ${now(rates.out)}`),
      h('span', {}, h('i', { class: 'key bad' }), `errors ${now(rates.failed)}`), h('span', {}, `upper line: ${number(top)}`)));
}
