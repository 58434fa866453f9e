// Forms of JSON Schemas. A form writes JSON into a text, which is what is sent.
import { h } from './lib.js';

const DEPTH = 4;

// form makes the fields of a schema; changed is called with the value after each change, and once at first.
export function form(schema, schemas, changed) {
  const [el, value] = field('payload', schema, schemas, true, 0);
  const update = () => changed(value());
  el.addEventListener('input', update);
  update();
  return el;
}

// resolved returns a schema without its reference, and without null.
function resolved(o, schemas) {
  for (let n = 0; n < 9 && o; n++) {
    if (o.$ref) o = schemas[o.$ref.split('/').pop()];
    else if (o.anyOf?.length === 2 && o.anyOf.some((x) => x.type === 'null')) o = o.anyOf.find((x) => x.type !== 'null');
    else return Array.isArray(o.type) ? { ...o, type: o.type.find((t) => t !== 'null') } : o;
  }
  return o ?? {};
}

function field(name, schema, schemas, required, depth) {
  const o = resolved(schema, schemas);
  if (o.type === 'object' && o.properties && depth < DEPTH) return object(name, o, schemas, depth);
  const title = `${name}${required ? '' : ' (optional)'}`;
  const label = (input, kind) => h('label', { class: 'field' }, h('span', {}, title, kind ? ` – ${kind}` : ''), input);
  if (o.enum || o.const !== undefined) {
    const all = o.enum ?? [o.const], input = h('select', {}, required ? null : h('option', { value: '' }, ''), all.map((v, n) => h('option', { value: n }, String(v))));
    return [label(input), () => (input.value === '' ? undefined : all[+input.value])];
  }
  if (o.type === 'boolean') {
    const input = h('input', { type: 'checkbox' });
    return [label(input), () => (input.checked || required ? input.checked : undefined)];
  }
  if (o.type === 'integer' || o.type === 'number') {
    const input = h('input', { type: 'number', step: o.type === 'integer' ? 1 : 'any', min: o.minimum, max: o.maximum });
    return [label(input, o.type), () => (input.value === '' ? (required ? 0 : undefined) : input.valueAsNumber)];
  }
  if (o.type === 'string') {
    const input = h('input', { type: 'text', placeholder: o.format, maxlength: o.maxLength });
    return [label(input), () => (input.value === '' && !required ? undefined : input.value)];
  }
  const input = h('textarea', { placeholder: 'JSON' });
  return [label(input, 'JSON'), () => { try { return JSON.parse(input.value); } catch { return required ? null : undefined; } }];
}

function object(name, o, schemas, depth) {
  const parts = Object.entries(o.properties).map(([key, of]) => [key, ...field(key, of, schemas, o.required?.includes(key) || false, depth + 1)]);
  const el = h('fieldset', {}, h('legend', {}, name), parts.map(([, part]) => part));
  return [el, () => {
    const value = {};
    for (const [key, , of] of parts) {
      const v = of();
      if (v !== undefined) value[key] = v;
    }
    return Object.keys(value).length || depth === 0 ? value : undefined;
  }];
}
