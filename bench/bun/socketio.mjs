// Socket.IO on Bun, by @socket.io/bun-engine.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

const io = new Server();
const engine = new Engine({ path: "/socket.io/" });
io.bind(engine);

io.on("connection", (socket) => {
  socket.on("echo", ({ seq, text }, ack) => ack({ seq, text }));
  socket.on("shout", ({ seq, text }) => io.emit("shout", { seq, text }));
});

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, ...engine.handler() });
console.log(JSON.stringify({ addr: `127.0.0.1:${server.port}` }));
