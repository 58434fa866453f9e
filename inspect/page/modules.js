import { empty, failed, get, h, s, table, tags } from './lib.js';

const WIDTH = 168, HEIGHT = 46, GAP_X = 70, GAP_Y = 18;

export const modules = {
  name: 'modules',
  title: 'Modules',
  show(root) {
    const body = h('div');
    root.append(h('h2', {}, 'Modules'), h('p', { class: 'lead' }, 'A line leads from a module to one that it imports; a dashed one to a module whose providers it is given without an import. Choose a module to see its providers.'), body);
    get('graph').then((g) => draw(body, g), (err) => failed(body, err));
  },
};

function draw(body, g) {
  const detail = h('section', { class: 'card', 'aria-live': 'polite' });
  let svg;
  const choose = (n) => {
    for (const el of svg.querySelectorAll('.box')) {
      el.classList.toggle('chosen', +el.dataset.n === n);
      el.setAttribute('aria-pressed', +el.dataset.n === n);
    }
    for (const el of svg.querySelectorAll('.wire')) el.classList.toggle('hot', +el.dataset.from === n || +el.dataset.to === n);
    detail.replaceChildren(...about(g, n));
  };
  svg = picture(g, choose);
  body.replaceChildren(h('div', { class: 'card scroll' }, svg), detail);
  choose(g.modules.length - 1); // the root, which comes last
}

// wires returns the lines between modules: imports, and dependencies on modules that are not imported.
function wires(g) {
  const found = new Map();
  g.modules.forEach((m, from) => m.imports.forEach((to) => found.set(`${from} ${to}`, { from, to, needs: false })));
  for (const e of g.edges) {
    const key = `${e.from} ${e.to}`;
    if (e.from !== e.to && !found.has(key)) found.set(key, { from: e.from, to: e.to, needs: true });
  }
  return [...found.values()].filter((w) => w.from !== w.to);
}

// columns places each module to the right of those that import it; cycles are cut.
function columns(g, lines) {
  const depth = g.modules.map(() => 0);
  for (let round = 0, changed = true; changed && round < g.modules.length; round++) {
    changed = false;
    for (const { from, to, needs } of lines) {
      if (!needs && depth[to] < depth[from] + 1 && depth[from] + 1 < g.modules.length) { depth[to] = depth[from] + 1; changed = true; }
    }
  }
  const at = [];
  depth.forEach((d, n) => (at[d] ??= []).push(n));
  return at.filter(Boolean);
}

function picture(g, choose) {
  const lines = wires(g), at = columns(g, lines), place = new Map();
  const rows = Math.max(...at.map((c) => c.length));
  at.forEach((column, x) => {
    if (x) { // near those that lead to it
      const mid = (n) => { const ys = lines.filter((w) => w.to === n && place.has(w.from)).map((w) => place.get(w.from).y); return ys.length ? ys.reduce((a, b) => a + b) / ys.length : 0; };
      column.sort((a, b) => mid(a) - mid(b));
    }
    const top = ((rows - column.length) * (HEIGHT + GAP_Y)) / 2;
    column.forEach((n, y) => place.set(n, { x: 4 + x * (WIDTH + GAP_X), y: 4 + top + y * (HEIGHT + GAP_Y) }));
  });
  const width = at.length * (WIDTH + GAP_X) - GAP_X + 8, height = rows * (HEIGHT + GAP_Y) - GAP_Y + 8;
  const wire = ({ from, to, needs }) => {
    const a = place.get(from), b = place.get(to), back = b.x <= a.x;
    const x1 = a.x + WIDTH, y1 = a.y + HEIGHT / 2, x2 = back ? b.x + WIDTH : b.x, y2 = b.y + HEIGHT / 2, bend = back ? 50 : Math.max(30, (x2 - x1) / 2);
    const el = s('path', { class: 'wire' + (needs ? ' needs' : ''), d: `M${x1} ${y1} C${x1 + bend} ${y1} ${back ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`, 'marker-end': 'url(#arrow)' });
    Object.assign(el.dataset, { from, to });
    return el;
  };
  const box = (m, n) => {
    const { x, y } = place.get(n);
    const el = s('g', {
      class: 'box', transform: `translate(${x} ${y})`, tabindex: 0, role: 'button', 'aria-pressed': 'false', onclick: () => choose(n),
      onkeydown: (e) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); choose(n); } },
    },
    s('title', {}, `${m.name} (${m.place})`), s('rect', { width: WIDTH, height: HEIGHT }),
    s('text', { x: 12, y: 20 }, short(m.name)), s('text', { x: 12, y: 37, class: 'soft' }, `${m.providers.length} provider${m.providers.length === 1 ? '' : 's'}${m.global ? ', global' : ''}`));
    el.dataset.n = n;
    return el;
  };
  return s('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': `${g.modules.length} modules` },
    s('defs', {}, s('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, s('path', { d: 'M0 0L8 4L0 8z', fill: 'context-stroke' }))),
    lines.map(wire), g.modules.map(box));
}

const short = (name) => (name.length > 20 ? name.slice(0, 19) + '…' : name);

function about(g, n) {
  const m = g.modules[n], name = (k) => g.modules[k].name;
  const needs = (p) => g.edges.filter((e) => e.from === n && e.provider === p.name).map((e) => (e.lazy ? 'lazy ' : '') + e.needs + (e.to === n ? '' : ` of ${name(e.to)}`));
  return [
    h('h3', {}, m.name, m.global ? tags(['global']) : null), h('p', { class: 'soft' }, h('code', {}, m.place), m.imports.length ? ' imports ' + m.imports.map(name).join(', ') : ' imports nothing'),
    m.providers.length ? table('Providers of ' + m.name, [['provider', 'name'], ['kind'], ['provides', 'name'], ['needs', 'name'], ['place', 'name']],
      m.providers.map((p) => [h('code', {}, p.name), tags([p.kind, ...(p.exported ? ['exported'] : [])]), p.types.map((t) => h('div', {}, h('code', {}, t))), needs(p).map((x) => h('div', {}, x)), h('code', {}, p.place)]))
      : empty('It has no providers.'),
  ];
}
