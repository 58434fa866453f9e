// A NestJS gateway on plain WebSocket.
import { WsAdapter } from "@nestjs/platform-ws";
import { gateway, serve } from "./nest.mjs";

const Gateway = gateway(
  (data) => ({ event: "echo", data }),
  (server, data) => {
    const message = JSON.stringify({ event: "shout", data });
    for (const client of server.clients) client.send(message);
  },
);
await serve(Gateway, WsAdapter);
