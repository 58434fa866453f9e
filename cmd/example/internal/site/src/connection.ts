// The connection to the chat, over one of two platforms. Its client, with the types of all messages, is generated from the documents in
// the folder api.
import { chat, wsChat, type Chat } from "../../../api/client.js";
import { connectSocketIO, connectWebSocket } from "../../../../../contract/typescript/gatehouse.js";
import type { Client, GatehouseError, SocketIOOptions } from "../../../../../contract/typescript/gatehouse.js";
import { isDenied } from "./failure.js";
import { refresh, token } from "./login.js";

export type Connection = Client<Chat>; // the messages are the same on both

export type Platform = "socketio" | "ws";

export interface Listener {
  /** The connection is open, or an attempt waits. */
  state(name: "open" | "waiting", text: string): void;
  /** The token is invalid or has expired. */
  denied(): void;
  /** The server has closed the connection for good. */
  ended(error: GatehouseError): void;
  /** An error that belongs to no request. */
  failed(error: unknown): void;
}

// The script of socket.io-client, which may be missing.
const io = (): SocketIOOptions<Chat>["io"] | undefined => (window as { io?: SocketIOOptions<Chat>["io"] }).io;

export const hasSocketIO = (): boolean => io() !== undefined;

export function connect(platform: Platform, listener: Listener): Connection {
  const names = { socketio: "Socket.IO", ws: "plain WebSocket" };
  let failures = 0;
  let gone = false; // the login is not valid any more
  const options = {
    url: new URL(".", location.href).href,
    retry: { longest: 15_000 },
    // Browsers hide the reason of a rejected handshake. A refresh of the token reveals it.
    async token() {
      if (failures > 0 && platform === "ws") gone = await refresh().then(() => false, isDenied);
      return gone ? null : token();
    },
    onState(state: Connection["state"], error?: GatehouseError) {
      switch (state) {
        case "open":
          failures = 0;
          return listener.state("open", `Connected over ${names[platform]}`);
        case "waiting":
          if (isDenied(error)) return listener.denied();
          return listener.state("waiting", failures++ === 0 ? "Reconnecting…" : "No connection, trying again…");
        case "closed":
          if (gone) listener.denied();
          else if (error) listener.ended(error);
      }
    },
    onError: listener.failed,
  };
  const client = io();
  return platform === "socketio" && client ? connectSocketIO(chat, { ...options, io: client }) : connectWebSocket(wsChat, options);
}
