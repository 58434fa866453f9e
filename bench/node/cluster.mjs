// A node of Socket.IO with @socket.io/redis-adapter: node cluster.mjs REDIS NAME. Like the nodes in
// cluster/internal/node it reads requests from its standard input, a line each, and answers each with a line.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { ready } from "./ready.mjs";

const [redis, name] = process.argv.slice(2);
const publisher = new Redis(`redis://${redis}`);
const http = createServer();
const io = new Server(http, { adapter: createAdapter(publisher, publisher.duplicate()) });

let pad = "";
let n = 0;

// Handlers that clients have called, see cluster/internal/node/handlers.go; times are in ns.
let called = 0;
let took = [];

io.on("connection", (socket) => {
  socket.on("call", () => {
    const start = process.hrtime.bigint();
    emit("watchers");
    took.push(Number(process.hrtime.bigint() - start));
    called++;
  });
  if ("caller" in socket.handshake.query) return;
  socket.join([name, "watchers"]);
});

function calls() {
  const sorted = Float64Array.from(took).sort();
  took = [];
  const quantile = (q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1), called, next: n };
}

function emit(room) {
  const [seconds, nanos] = process.hrtime();
  (room ? io.to(room) : io).emit("n", { t: seconds * 1e6 + Math.floor(nanos / 1e3), n: n++, pad });
}

function burst({ count, room }) {
  for (let i = 0; i < count; i++) emit(room);
}

// rate emits what is due each millisecond, the smallest interval of timers.
function rate({ count, room, perSecond }) {
  return new Promise((resolve) => {
    const start = performance.now();
    let done = 0;
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - start) * perSecond) / 1000));
      for (; done < due; done++) emit(room);
      if (done === count) {
        clearInterval(timer);
        resolve();
      }
    }, 1);
  });
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const request = JSON.parse(line);
  pad ||= "x".repeat(request.pad);
  let reply = {};
  if (request.do === "burst") burst(request);
  else if (request.do === "calls") reply = { handlers: calls() };
  else if (request.do === "rate") await rate(request);
  else throw new Error(`a request is ${line}`);
  console.log(JSON.stringify(reply));
});

http.listen(0, "127.0.0.1", () => ready(http));
