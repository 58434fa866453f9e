import { bytes, clientLink, empty, every, failed, get, h, number, post, redraw, since, table, tags } from './lib.js';
import { list } from './messages.js';

// searched makes a page of a table that a text filters.
function searched(name, title, hint, path, draw, detail) {
  return {
    name, title,
    show(root, [id]) {
      if (id && detail) return detail(root, id);
      const body = h('div'), input = h('input', { type: 'search', class: 'grow', placeholder: hint, 'aria-label': hint, id: 'search' });
      const load = async () => { try { redraw(body, ...draw(await get(`${path}?q=${encodeURIComponent(input.value)}`))); } catch (err) { failed(body, err); } };
      input.addEventListener('input', load);
      root.append(h('h2', {}, title), h('div', { class: 'bar' }, input), body);
      return every(2000, load);
    },
  };
}

export const clients = searched('clients', 'Clients', 'part of an id, endpoint, address or room', 'clients', (t) => [
  h('p', { class: 'lead' }, `${number(t.matched)} of ${number(t.total)} clients of this node` + (t.matched > t.clients.length ? `, the newest ${t.clients.length}` : '')),
  t.clients.length ? h('section', { class: 'card' }, table('Clients', [['client'], ['endpoint', 'name'], ['address', 'keep'], ['since', 'keep'], ['rooms', 'name'], ['queued', 'num']],
    t.clients.map((c) => [clientLink(c.id), [h('code', {}, c.endpoint), c.namespace && !c.endpoint.endsWith(c.namespace) ? h('div', { class: 'soft' }, c.namespace) : null, h('div', { class: 'soft' }, c.transport)],
      c.address, since(c.since), [tags(c.rooms.slice(0, 5)), c.inAll > 5 ? `and ${c.inAll - 5} more` : null], bytes(c.queued)]))) : empty('No client matches.'),
], detail);

function detail(root, id) {
  const body = h('div'), note = h('p', { role: 'status', class: 'soft' }), room = h('input', { 'aria-label': 'room', placeholder: 'room', id: 'room' });
  const act = async (what, data) => {
    try { await post(`clients/${encodeURIComponent(id)}/${what}`, data); note.textContent = `${what}: done`; } catch (err) { note.textContent = `${what}: ${err.message}`; }
    load();
  };
  const buttons = [
    h('button', { class: 'danger', id: 'disconnect', onclick: () => act('disconnect') }, 'Disconnect'), room,
    h('button', { id: 'join', onclick: () => act('join', { room: room.value }) }, 'Join'), h('button', { id: 'leave', onclick: () => act('leave', { room: room.value }) }, 'Leave'),
    h('a', { href: '#/send/' + encodeURIComponent(id) }, 'Send to it'), note,
  ];
  const load = async () => {
    try { redraw(body, ...about(await get('clients/' + encodeURIComponent(id)))); } catch (err) {
      for (const b of buttons) if ('disabled' in b) b.disabled = err.code === 'inspect_no_client';
      failed(body, err);
    }
  };
  root.append(h('p', {}, h('a', { href: '#/clients' }, 'Clients')), h('h2', { class: 'mono' }, id), h('div', { class: 'bar' }, buttons), body);
  return every(2000, load);
}

const row = (name, ...value) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'value' }, ...value));

function about(c) {
  return [h('div', { class: 'pair' },
    h('section', { class: 'card' }, h('h3', {}, 'Client'), h('table', {}, h('tbody', {},
      row('endpoint', h('code', {}, c.endpoint)), c.namespace ? row('namespace', h('code', {}, c.namespace)) : null, row('transport', c.transport), row('address', c.address), row('connected', since(c.since) + ' ago'),
      row('recovered', c.recovered ? 'yes' : 'no'), row('queued', bytes(c.queued)), row('rooms', c.rooms.length ? tags(c.rooms) : '–'), row('values', c.values.length ? tags(c.values) : '–')))),
    h('section', { class: 'card' }, h('h3', {}, 'Handshake'), h('p', {}, h('code', {}, c.url)), h('table', {}, h('tbody', {}, Object.keys(c.headers).sort().map((k) => row(k, c.headers[k])))))),
  h('section', { class: 'card' }, h('h3', {}, 'Its latest messages'), c.messages.length ? list(c.messages.toReversed()) : empty('None since a page of the inspector is open.'))];
}

export const rooms = searched('rooms', 'Rooms', 'part of a name or an endpoint', 'rooms', (t) => [
  h('p', { class: 'lead' }, `${number(t.total)} rooms` + (t.total > t.rooms.length ? `, the largest ${t.rooms.length}` : '') + ', with the clients of this node'),
  t.rooms.length ? h('section', { class: 'card' }, table('Rooms', [['room', 'name'], ['endpoint', 'name'], ['clients', 'num'], ['members', 'name']],
    t.rooms.map((r) => [h('b', {}, r.name), [h('code', {}, r.endpoint), r.namespace && !r.endpoint.endsWith(r.namespace) ? h('div', { class: 'soft' }, r.namespace) : null], number(r.size),
      [r.members.slice(0, 10).flatMap((id) => [clientLink(id), ' ']), r.size > 10 ? `and ${number(r.size - 10)} more` : null]]))) : empty('No client is in a room.'),
]);
