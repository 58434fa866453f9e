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
io.on("connection", (socket) => socket.join(name));

let pad = "";
let n = 0;

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
  if (request.do === "burst") burst(request);
  else if (request.do === "rate") await rate(request);
  else throw new Error(`a request is ${line}`);
  console.log("{}");
});

http.listen(0, "127.0.0.1", () => ready(http));
