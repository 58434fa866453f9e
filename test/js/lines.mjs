// One JSON value per line, on stdin and stdout: the protocol between Go and these programs. A
// request {"id","do",…} is answered by {"id","ok"} or {"id","error"}; events are lines without id.
import { createInterface } from 'node:readline';

// Binary is {"$binary": base64}.
export const encode = (value) =>
  JSON.stringify(value, function (key, v) {
    const raw = this[key]; // before Buffer's own toJSON
    if (raw instanceof ArrayBuffer || ArrayBuffer.isView(raw)) {
      const bytes = raw instanceof ArrayBuffer ? Buffer.from(raw) : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
      return { $binary: bytes.toString('base64') };
    }
    return v;
  });

export const decode = (text) =>
  JSON.parse(text, (_, v) =>
    v !== null && typeof v === 'object' && typeof v.$binary === 'string' ? Buffer.from(v.$binary, 'base64') : v);

// writeLine writes a value to stdout, as one line.
export const writeLine = (line) => process.stdout.write(encode(line) + '\n');

// An error with the fields that tests check.
const encodeError = (err) => ({ ...err, message: err?.message ?? String(err), data: err?.data, name: err?.name });

// serve answers requests with commands[do](request) until stdin ends, then calls finish.
export function serve(commands, finish = () => {}) {
  console.log = console.error; // stdout is the protocol
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async (text) => {
    const request = decode(text);
    try {
      const command = Object.hasOwn(commands, request.do) ? commands[request.do] : undefined;
      if (!command) throw new Error(`no command ${request.do}`);
      writeLine({ id: request.id, ok: (await command(request)) ?? null });
    } catch (err) {
      writeLine({ id: request.id, error: encodeError(err) });
    }
  });
  lines.on('close', async () => {
    await finish();
    process.exit(0);
  });
}
