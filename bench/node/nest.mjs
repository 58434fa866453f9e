// A NestJS gateway. The decorators are called by hand, so that no compiler is needed:
//
//   @WebSocketGateway() class Gateway {
//     @WebSocketServer() server;
//     @SubscribeMessage("echo")  echo(@MessageBody() message) {…}
//     @SubscribeMessage("shout") shout(@MessageBody() message) {…}
//   }
//   @Module({ providers: [Gateway] }) class AppModule {}
import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from "@nestjs/websockets";
import { ready } from "./ready.mjs";

export function gateway(echo, shout) {
  class Gateway {
    echo({ seq, text }) {
      return echo({ seq, text });
    }
    shout({ seq, text }) {
      shout(this.server, { seq, text });
    }
  }
  for (const name of ["echo", "shout"]) {
    MessageBody()(Gateway.prototype, name, 0);
    SubscribeMessage(name)(Gateway.prototype, name, Object.getOwnPropertyDescriptor(Gateway.prototype, name));
  }
  WebSocketServer()(Gateway.prototype, "server");
  WebSocketGateway()(Gateway);
  return Gateway;
}

export async function serve(gateway, adapter) {
  class AppModule {}
  Module({ providers: [gateway] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: ["error"] });
  app.useWebSocketAdapter(new adapter(app));
  await app.listen(0, "127.0.0.1");
  ready(app.getHttpServer());
}
