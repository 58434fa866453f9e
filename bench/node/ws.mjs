// Plain WebSocket on the package ws.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { ready } from "./ready.mjs";

const http = createServer();
const wss = new WebSocketServer({ server: http });

wss.on("connection", (socket) => {
  socket.on("message", (text) => {
    const { event, data } = JSON.parse(text);
    switch (event) {
      case "echo":
        socket.send(JSON.stringify({ event: "echo", data: { seq: data.seq, text: data.text } }));
        break;
      case "shout": {
        const message = JSON.stringify({ event: "shout", data: { seq: data.seq, text: data.text } });
        for (const client of wss.clients) client.send(message);
        break;
      }
    }
  });
});

http.listen(0, "127.0.0.1", () => ready(http));
