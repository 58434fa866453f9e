import { clock, empty, failed, get, h, post } from './lib.js';
import { connect } from './sockets.js';
import { form } from './form.js';

export const send = {
  name: 'send',
  title: 'Send',
  show(root, [client]) {
    const body = h('div', { class: 'pair' }), open = { client: null };
    root.append(h('h2', {}, 'Send'), h('p', { class: 'lead' }, 'As a client of its own, or as the server. The application handles both like any other.'), body);
    get('registry').then((r) => {
      if (!r.gateways.length) return body.replaceChildren(empty('The application has no gateways.'));
      const parts = [asClient(r, open), asServer(r, client)];
      body.replaceChildren(...(client ? parts.reverse() : parts));
    }, (err) => failed(body, err));
    return () => open.client?.close();
  },
};

const labelled = (text, el) => h('label', { class: 'field' }, h('span', {}, text), el);
const options = (all, name) => all.map((x, n) => h('option', { value: n }, name(x)));

// text makes the field for the JSON that is sent.
const text = (id) => h('textarea', { id, placeholder: 'JSON; empty for no payload', spellcheck: 'false' });

function parsed(el) {
  if (el.value.trim() === '') return undefined;
  return JSON.parse(el.value);
}

function transcript(log, kind, event, data) {
  const json = data === undefined ? '' : JSON.stringify(data);
  const bad = kind === 'error' || kind === 'closed';
  log.prepend(h('li', { class: bad ? 'bad' : '' }, h('span', { class: 'when' }, clock(Date.now())), h('span', {}, h('span', { class: 'tag ' + ({ sent: 'in', error: 'bad', closed: 'bad' }[kind] ?? 'out') }, kind)), h('span'),
    h('div', { class: 'what' }, h('b', {}, event), ' ', json.length > 80 ? h('pre', {}, JSON.stringify(data, null, 2)) : h('span', { class: 'mono' }, json))));
  while (log.children.length > 200) log.lastChild.remove();
}

// addressOf returns the URL of an endpoint, with the values for the names in its pattern. own is the path of the inspector.
function addressOf(e, own, values, query) {
  const fill = (pattern) => pattern.replace(/\{([^}]*)\}/g, (all, name) => encodeURIComponent(values[name.replace(/\.\.\.$/, '')]?.value ?? '')).replace(/\$$/, '');
  const url = new URL(location.href), prefix = location.pathname.replace(/\/$/, '').slice(0, -own.length);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  url.pathname = prefix + fill(e.path) || '/';
  url.search = query;
  if (e.platform !== 'ws') {
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    url.searchParams.set('EIO', '4');
    url.searchParams.set('transport', 'websocket');
  }
  return { url, namespace: e.namespace ? decodeURIComponent(fill(e.namespace)) : '' };
}

function asClient(r, open) {
  const all = r.gateways.flatMap((g) => g.endpoints.filter((e) => !e.listener).map((e) => ({ ...e, gateway: g })));
  if (!all.length) return h('section', { class: 'card' }, h('h3', {}, 'As a client'), empty('All gateways have addresses of their own, which this page may not reach.'));
  const log = h('ul', { class: 'log', id: 'transcript' }), names = h('div'), fields = h('div'), json = text('client-json');
  const where = h('select', { id: 'endpoint' }, options(all, (e) => `${e.gateway.name} at ${e.name}`)), what = h('select', { id: 'event' });
  const query = h('input', { placeholder: 'token=…', id: 'query' }), protocols = h('input', { placeholder: 'separated by commas', id: 'protocols' }), auth = h('textarea', { placeholder: '{"token": …}', id: 'auth' });
  const note = h('p', { role: 'status', class: 'soft' }, 'not connected'), button = h('button', { class: 'main', id: 'connect' }, 'Connect'), go = h('button', { class: 'main', id: 'send', disabled: true }, 'Send');
  const only = { query: labelled('query', query), protocols: labelled('subprotocols', protocols), auth: labelled('auth, as JSON', auth) };
  let values = {};
  const chosen = () => all[+where.value];
  const handlers = () => chosen().gateway.handlers.filter((x) => x.event && x.kind !== 'node' && x.kind !== 'presence');
  const event = () => {
    const x = handlers()[+what.value];
    json.value = '';
    fields.replaceChildren(...(x?.schema ? [form(x.schema, r.schemas, (v) => { json.value = v === undefined ? '' : JSON.stringify(v, null, 1); })] : [h('p', { class: 'soft' }, x ? 'The handler takes no payload.' : 'The gateway has no handlers.')]));
  };
  const endpoint = () => {
    open.client?.close();
    const e = chosen();
    values = Object.fromEntries([...(e.path + e.namespace).matchAll(/\{([^}$]+?)(\.\.\.)?\}/g)].map(([, name]) => [name, h('input', { required: true })]));
    names.replaceChildren(...Object.entries(values).map(([name, el]) => labelled(name, el)));
    only.auth.hidden = e.platform === 'ws';
    only.protocols.hidden = e.platform !== 'ws';
    what.replaceChildren(...options(handlers(), (x) => x.event));
    event();
  };
  const closed = () => { open.client = null; button.textContent = 'Connect'; go.disabled = true; };
  button.onclick = () => {
    if (open.client) return open.client.close();
    const e = chosen();
    try {
      const { url, namespace } = addressOf(e, r.path, values, query.value);
      note.textContent = 'connecting …';
      button.textContent = 'Disconnect';
      open.client = connect(e.platform, url, { namespace, protocols: protocols.value.split(',').map((p) => p.trim()).filter(Boolean), auth: parsed(auth) }, {
        open: () => { note.textContent = 'connected'; go.disabled = false; transcript(log, 'open', e.name); },
        frame: (kind, name, data) => transcript(log, kind, name, data),
        close: (why) => { note.textContent = why; transcript(log, 'closed', why); closed(); },
      });
    } catch (err) { note.textContent = err.message; closed(); }
  };
  go.onclick = () => {
    try {
      const data = parsed(json), x = handlers()[+what.value];
      open.client.send(x.event, data);
      transcript(log, 'sent', x.event, data);
    } catch (err) { note.textContent = err.message; }
  };
  where.onchange = endpoint;
  what.onchange = event;
  endpoint();
  return h('section', { class: 'card' }, h('h3', {}, 'As a client'), labelled('gateway and endpoint', where), names, h('details', {}, h('summary', {}, 'Credentials'), Object.values(only)),
    h('div', { class: 'bar' }, button, note), labelled('event', what), fields, labelled('what is sent, as JSON', json), h('div', { class: 'bar' }, go), log);
}

function asServer(r, client) {
  const gateway = h('select', { id: 'gateway' }, options(r.gateways, (g) => g.name)), to = h('select', { id: 'to' }, h('option', { value: 'client' }, 'one client'), h('option', { value: 'room' }, 'a room'), h('option', { value: 'all' }, 'all clients of the gateway'));
  const name = h('input', { id: 'target', value: client ?? '' }), event = h('input', { id: 'server-event', list: 'events' }), known = h('datalist', { id: 'events' }), namespace = h('input', { id: 'namespace', placeholder: 'empty for all' }), json = text('server-json');
  const note = h('p', { role: 'status', class: 'soft', id: 'emitted' }), named = labelled('its id', name), spaces = labelled('namespace', namespace), fields = h('div');
  const chosen = () => r.gateways[+gateway.value];
  const draw = () => {
    named.hidden = to.value === 'all';
    named.firstChild.textContent = to.value === 'room' ? 'its name' : 'its id';
    spaces.hidden = to.value === 'client' || !chosen().endpoints.some((e) => e.namespace);
    known.replaceChildren(...chosen().emits.map((e) => h('option', { value: e.event })));
    const e = chosen().emits.find((x) => x.event === event.value);
    fields.replaceChildren(...(e?.schema ? [form(e.schema, r.schemas, (v) => { json.value = v === undefined ? '' : JSON.stringify(v, null, 1); })] : []));
  };
  const go = h('button', { class: 'main', id: 'emit', onclick: async () => {
    try {
      const res = await post('emit', { gateway: chosen().name, namespace: spaces.hidden ? '' : namespace.value, client: to.value === 'client' ? name.value : '', room: to.value === 'room' ? name.value : '', event: event.value, data: parsed(json) });
      note.textContent = `sent to ${res.clients} client${res.clients === 1 ? '' : 's'} of this node`;
    } catch (err) { note.textContent = err.message; }
  } }, 'Send');
  if (!client) to.value = 'all';
  gateway.onchange = to.onchange = event.onchange = draw;
  draw();
  return h('section', { class: 'card' }, h('h3', {}, 'As the server'), labelled('gateway', gateway), labelled('to', to), named, spaces, labelled('event', event), known, fields, labelled('what is sent, as JSON', json), h('div', { class: 'bar' }, go, note));
}
