// Parses AsyncAPI documents, and prints what is wrong as a JSON list of {file, severity, message}. Severity 0 is an error, 1 a
// warning, 2 a hint.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
const found = [];
for (const file of process.argv.slice(2)) {
  const { diagnostics } = await parser.parse(await readFile(file, "utf8"));
  found.push(...diagnostics.map((d) => ({ file, severity: d.severity, message: `${d.code} ${d.path.join(".")}: ${d.message}` })));
}
process.stdout.write(JSON.stringify(found));
