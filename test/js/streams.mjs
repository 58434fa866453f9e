// A node of Node's Socket.IO with its streams adapter, for the control of the tests of kills: the same commands, events and answers as
// those of lognode_test.go.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";

const client = createClient({ url: `redis://${process.argv[2]}` });
client.on("error", (e) => console.error(String(e)));
await client.connect();
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(client, { maxLen: 1_000_000 }),
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});
io.on("connection", (socket) => {
  socket.on("join", async (room, answer) => { await socket.join(room); answer(room); });
  socket.on("leave", async (room, answer) => { await socket.leave(room); answer(room); });
  socket.on("rooms", (_, answer) => answer([...socket.rooms].filter((room) => room !== socket.id)));
});
http.listen(0, "127.0.0.1", () => console.log("ready", `127.0.0.1:${http.address().port}`));
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [, to, source, n] = line.split(" ");
    io.to(to.replaceAll("_", " ")).emit("n", { Source: Number(source), N: Number(n) });
  })
  .on("close", () => process.exit(0));
