import { empty, failed, get, h, table, tags } from './lib.js';

const page = (name, title, lead, draw) => ({
  name, title,
  show(root) {
    const body = h('div');
    root.append(h('h2', {}, title), h('p', { class: 'lead' }, ...lead), body);
    get('registry').then((r) => body.replaceChildren(...draw(r).filter(Boolean)), (err) => failed(body, err));
  },
});

const document = (name) => h('a', { href: 'api/' + name, target: '_blank' }, name);
const schema = (o, all) => o && h('details', {}, h('summary', { class: 'soft' }, 'schema'), h('pre', {}, JSON.stringify(o.$ref ? all[o.$ref.split('/').pop()] : o, null, 2)));
const problems = (r) => (r.problems.length ? h('details', { class: 'note' }, h('summary', {}, `${r.problems.length} problems of the documents`), h('ul', {}, r.problems.map((p) => h('li', {}, p)))) : null);

export const gateways = page('gateways', 'Gateways', ['As registered. The document: ', document('asyncapi.json')], (r) => [
  problems(r),
  r.undeclared.length ? h('div', { class: 'note' }, 'Sent while a page was open, and not declared with Emits or Sends: ', r.undeclared.map((u) => h('div', {}, h('code', {}, u.event), ` at ${u.endpoint}, ${u.count} times`))) : null,
  ...(r.gateways.length ? r.gateways.map((g) => gateway(g, r.schemas)) : [empty('The application has no gateways.')]),
]);

function gateway(g, all) {
  return h('section', { class: 'card' },
    h('h3', {}, h('code', {}, g.name)),
    h('p', { class: 'soft' }, `${g.type} of module ${g.module}, `, h('code', {}, g.place)),
    h('p', {}, g.endpoints.map((e) => h('span', { class: 'tag', title: e.address }, e.name + (e.listener ? ` on ${e.listener}` : ''))), g.guards.map((x) => h('span', { class: 'tag warn' }, 'guard ' + x)),
      tags([...new Set(g.endpoints.flatMap((e) => e.security))], 'warn'), g.fallback ? tags(['fallback']) : null),
    g.handlers.length ? table('Handlers of ' + g.name, [['event', 'name'], ['kind'], ['in', 'name'], ['out', 'name'], ['errors, guards', 'name'], ['handler', 'name']],
      g.handlers.map((x) => [h('code', {}, x.event || '(any)'), tags([x.kind]), [h('code', {}, x.in), schema(x.schema, all)], [h('code', {}, x.out ?? ''), x.sends.map((e) => h('div', { class: 'soft' }, 'sends ' + e))],
        [x.errors.map((e) => h('span', { class: 'tag bad', title: e.message }, e.code || e.message)), tags(x.security, 'warn'), x.strict ? tags(['strict']) : null], [h('code', {}, x.func.split('/').pop()), h('div', { class: 'soft' }, x.place)]])) : null,
    g.emits.length ? h('div', {}, h('h3', {}, 'Events that it sends'), table('Events of ' + g.name, [['event', 'name'], ['payload', 'name'], ['answer', 'name']],
      g.emits.map((e) => [h('code', {}, e.event), [h('code', {}, e.type), schema(e.schema, all)], h('code', {}, e.answer ?? '')]))) : h('p', { class: 'soft' }, 'It declares no events.'));
}

export const routes = page('routes', 'Routes', ['Of controllers. The document: ', document('openapi.json')], (r) => [
  r.routes.length ? h('section', { class: 'card' }, table('Routes', [['method'], ['pattern', 'name'], ['in', 'name'], ['out', 'name'], ['guards', 'name'], ['handler', 'name']],
    r.routes.map((x) => [h('b', {}, x.method || 'any'), [h('code', {}, x.pattern), x.params.map((p) => h('div', { class: 'soft' }, p))], h('code', {}, x.in ?? ''),
      [h('code', {}, x.out ?? ''), x.status ? h('div', { class: 'soft' }, x.status) : null], tags(x.security, 'warn'), [h('code', {}, x.func.split('/').pop() || '–'), h('div', { class: 'soft' }, x.controller)]]))) : empty('The application has no routes.'),
]);
