// Socket.IO on the package socket.io.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { ready } from "./ready.mjs";

const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("echo", ({ seq, text }, ack) => ack({ seq, text }));
  socket.on("shout", ({ seq, text }) => io.emit("shout", { seq, text }));
});

http.listen(0, "127.0.0.1", () => ready(http));
