import { bytes, clientLink, clock, h, live, micros } from './lib.js';

const MOST = 400; // lines that the page shows

// line makes a line of the log.
export function line(e) {
  const bad = e.error || e.kind === 'drop' || e.kind === 'refused';
  const text = e.payload ?? '';
  return h('li', { class: bad ? 'bad' : '' },
    h('span', { class: 'when' }, clock(e.at)), h('span', {}, h('span', { class: 'tag ' + e.kind }, e.kind)),
    h('span', { class: 'meta' }, e.took ? micros(e.took) : e.bytes ? bytes(e.bytes) : ''),
    h('div', { class: 'what' },
      h('div', {}, h('b', {}, e.event || e.room || ''), ' ', e.client ? clientLink(e.client) : null, ' ', h('span', { class: 'soft' }, e.endpoint)),
      e.error ? h('div', { class: 'error' }, e.code ? h('code', {}, e.code) : null, ' ', e.error) : null,
      text.length > 80 ? h('details', {}, h('summary', { class: 'mono fold' }, text.slice(0, 80) + ' …'), h('pre', {}, pretty(text))) : text ? h('div', { class: 'mono fold' }, text) : null,
      e.note ? h('div', { class: 'soft' }, e.note) : null));
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

export const list = (all) => h('ul', { class: 'log' }, all.map(line));

export const messages = {
  name: 'messages',
  title: 'Messages',
  show(root, [first]) {
    let paused = false, shown = 0, skipped = 0, last = 0, waiting = [], timer;
    const log = h('ul', { class: 'log', id: 'log' }), count = h('span', { class: 'soft', id: 'count' }), error = h('p', { role: 'alert' });
    const input = h('input', { type: 'search', id: 'filter', class: 'grow mono', 'aria-label': 'filter', placeholder: 'event:join client:ab12 error', maxlength: 256, value: first ?? '' });
    const pause = h('button', { id: 'pause', 'aria-pressed': 'false', onclick: () => {
      paused = !paused;
      pause.textContent = paused ? 'Go on' : 'Pause';
      pause.setAttribute('aria-pressed', paused);
      watch(false);
    } }, 'Pause');
    const download = h('a', { id: 'export', download: 'messages.jsonl' }, 'Export the kept 1,000');
    const state = () => { count.textContent = `${log.children.length} shown` + (skipped ? `, ${skipped.toLocaleString('en')} skipped` : '') + (paused ? ', paused' : ''); };
    const watch = async (clear) => {
      download.href = 'api/messages?filter=' + encodeURIComponent(input.value);
      try {
        if (clear) { log.replaceChildren(); waiting = []; last = skipped = 0; }
        await live.watch(input.value, !paused);
        error.replaceChildren();
      } catch (err) { error.replaceChildren(h('span', { class: 'note bad' }, err.message)); }
      state();
    };
    const draw = () => {
      shown = 0;
      log.prepend(...waiting.slice(-MOST).reverse().map(line));
      waiting = [];
      while (log.children.length > MOST) log.lastChild.remove();
      state();
    };
    live.onMessages = (m) => {
      skipped += m.skipped;
      for (const e of m.entries) if (e.n > last) { waiting.push(e); last = e.n; }
      shown ||= requestAnimationFrame(draw);
    };
    input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(() => watch(true), 200); });
    root.append(h('h2', {}, 'Messages'),
      h('div', { class: 'bar' }, input, pause, h('button', { id: 'clear', onclick: () => { log.replaceChildren(); skipped = 0; state(); } }, 'Clear'), download, count), error,
      h('details', { class: 'soft' }, h('summary', {}, 'What a filter may have'), h('p', {}, 'All words must match: ', h('code', {}, 'event:join'), ', ', h('code', {}, 'event:chat*'), ', ', h('code', {}, 'kind:in'),
        ' (in, done, answer, out, drop, connect, disconnect, refused, join, leave), ', h('code', {}, 'client:'), ', ', h('code', {}, 'room:'), ', ', h('code', {}, 'endpoint:'), ', ', h('code', {}, 'code:'), ', ',
        h('code', {}, 'error'), '; other words are a part of event, room, error or payload; ', h('code', {}, '-kind:out'), ' excludes. A page is sent at most 200 messages a second.')),
      h('section', { class: 'card' }, log));
    watch(true);
    return () => { live.onMessages = null; clearTimeout(timer); live.watch('', false).catch(() => {}); };
  },
};
