// A NestJS gateway on Socket.IO.
import { IoAdapter } from "@nestjs/platform-socket.io";
import { gateway, serve } from "./nest.mjs";

const Gateway = gateway(
  (data) => data,
  (server, data) => server.emit("shout", data),
);
await serve(Gateway, IoAdapter);
