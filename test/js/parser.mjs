// npm's socket.io-parser decodes messages. A case is a list of messages {text} or {binary}, both
// bytes, with the other side's result, and its encoding of that result.
//
//   judge {cases: [{messages, mine, again}]}   [{theirs, mine, again}…], equal when they agree
//
// "refused" and "pending" are literal; a packet is canonical JSON.
import { createRequire } from 'node:module';
import { encode, serve } from './lines.mjs';

// A dependency of socket.io, not of this directory.
const require = createRequire(createRequire(import.meta.url).resolve('socket.io'));
const { Decoder } = require('socket.io-parser');

// The arguments as the framework decodes them: none, one, or a list of several.
const several = (args) => (args.length > 1 ? args : args[0]);

const canonical = ({ type, nsp, id, event, payload }) => {
  try {
    return encode({ type, nsp, id, event, payload });
  } catch (err) {
    return err instanceof RangeError ? 'too deep to encode' : `not encoded: ${err}`;
  }
};

function theirs(messages) {
  const decoder = new Decoder();
  let packet;
  decoder.on('decoded', (p) => (packet = p));
  try {
    for (const { text, binary } of messages) {
      packet = undefined;
      decoder.add(text?.toString() ?? binary);
    }
  } catch {
    return 'refused';
  }
  if (!packet) return 'pending';
  const { type, nsp, id, data } = packet;
  if (type === 2 && data) return canonical({ type, nsp, id, event: String(data[0]), payload: several(data.slice(1)) });
  if (type === 3 && data) return canonical({ type, nsp, id, payload: several(data) });
  return canonical({ type, nsp, id, payload: data });
}

// Replaces placeholders by attachments.
function fill(value, attachments) {
  if (value === null || typeof value !== 'object') return value;
  if (value._placeholder === true) return attachments[value.num];
  for (const key of Object.keys(value)) value[key] = fill(value[key], attachments);
  return value;
}

function mine(m) {
  if (typeof m === 'string') return m;
  const { type, nsp, id, event, payload, attachments } = m;
  let value = payload === undefined ? undefined : JSON.parse(payload);
  if (attachments) value = fill(value, attachments);
  return canonical({ type, nsp, id, event, payload: value });
}

serve({
  judge: ({ cases }) => cases.map((c) => {
    const decoded = mine(c.mine);
    return { theirs: theirs(c.messages), mine: decoded, again: c.again ? theirs(c.again) : decoded };
  }),
});
