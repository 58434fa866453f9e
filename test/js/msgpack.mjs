// npm's socket.io-msgpack-parser decodes messages. A case is one message with the other side's
// result, and its encoding of that result.
//
//   judge {cases: [{message, mine, again}]}   [{theirs, mine, again, sent}…]
//
// theirs, mine and again are equal if the two sides agree. "refused" is literal, a packet is
// canonical JSON. sent is mine, encoded by npm's encoder.
import { createRequire } from 'node:module';
import { encode, serve } from './lines.mjs';

const { Decoder, Encoder } = createRequire(import.meta.url)('socket.io-msgpack-parser');

// The arguments as the framework decodes them: none, one, or a list of several.
const several = (args) => (args.length > 1 ? args : args.map((arg) => arg ?? null)[0]);

// Converts to JSON values.
const canonical = ({ type, nsp, id, event, payload }) => encode({ type, nsp, id, event, payload });

function theirs(message) {
  const decoder = new Decoder();
  let packet;
  decoder.on('decoded', (p) => (packet = p));
  try {
    decoder.add(message);
    const { type, nsp, id, data } = packet;
    if (type === 2) return canonical({ type, nsp, id, event: String(data[0]), payload: several(data.slice(1)) });
    return canonical({ type, nsp, id, payload: type === 3 ? several(data) : data });
  } catch {
    return 'refused'; // also when it is too deep for JSON
  }
}

// Replaces placeholders by attachments.
function fill(value, attachments) {
  if (value === null || typeof value !== 'object') return value;
  if (value._placeholder === true) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = fill(value[key], attachments);
  return value;
}

function mine(m) {
  if (typeof m === 'string') return { decoded: m };
  const { type, nsp, id, event, payload, attachments } = m;
  let value = payload === undefined ? undefined : JSON.parse(payload);
  if (attachments) value = fill(value, attachments);
  const packet = { type, nsp, id, data: value };
  if (type > 1) {
    const args = value === undefined ? [] : [value];
    packet.data = type === 2 ? [event, ...args] : args;
  }
  return { decoded: canonical({ type, nsp, id, event, payload: value }), sent: new Encoder().encode(packet)[0] };
}

serve({
  judge: ({ cases }) =>
    cases.map((c) => {
      const { decoded, sent } = mine(c.mine);
      return { theirs: theirs(c.message), mine: decoded, again: c.again ? theirs(c.again) : decoded, sent };
    }),
});
