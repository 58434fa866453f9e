// The frame of the inspector: the exchange of the token, and the page for the hash of the URL.
import { get, h, live, post, failed } from './lib.js';
import { overview } from './overview.js';
import { modules } from './modules.js';
import { gateways, routes } from './registry.js';
import { clients, rooms } from './clients.js';
import { messages } from './messages.js';
import { send } from './send.js';

const pages = { overview, modules, gateways, routes, clients, rooms, messages, send };
const main = document.querySelector('#main');
const state = document.querySelector('#state');
let leave = () => {};

function show() {
  leave();
  leave = () => {};
  const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const page = pages[name] ?? overview;
  for (const a of document.querySelectorAll('#nav a')) {
    if (a.dataset.page === page.name) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  document.title = `${page.title} – ${document.querySelector('#name').textContent}`;
  main.replaceChildren();
  leave = page.show(main, rest) ?? (() => {});
}

function link(name) {
  const a = h('a', { href: '#/' + name }, pages[name].title);
  a.dataset.page = name;
  return a;
}

live.onState = (on, why) => {
  state.className = on ? 'on' : '';
  state.textContent = on ? 'live' : why ?? 'not connected';
};

async function start() {
  const token = /^#token=([^&]+)/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, '', location.pathname + '#/overview');
    await post('session', { token });
  }
  const stats = await get('stats');
  document.querySelector('#name').textContent = stats.name;
  const nav = document.querySelector('#nav');
  nav.append(...Object.keys(pages).map(link));
  if (stats.pprof) nav.append(h('a', { href: stats.pprof, target: '_blank', rel: 'noreferrer' }, 'Profiles'));
  live.connect();
  addEventListener('hashchange', () => { show(); main.focus(); });
  show();
}

start().catch((err) => {
  live.onState(false);
  failed(main, err);
});
