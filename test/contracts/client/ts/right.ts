// Uses of the types that must compile: io and WebSocket of the packages, and errors whose type follows from their code.
import { io } from "socket.io-client";
import WebSocket from "ws";
import { kitchenRoom, wsKitchenRoom } from "./api/client.js";
import type { Note } from "./api/client.js";
import { connectSocketIO, connectWebSocket } from "./api/gatehouse.js";
import type { Violation } from "./api/gatehouse.js";

export async function right(): Promise<string> {
  const c = connectWebSocket(wsKitchenRoom, { url: "ws://h", params: { room: 7 }, WebSocket, token: async () => null, query: { a: "b" } });
  connectSocketIO(kitchenRoom, { io, url: "http://h", params: { room: "a" }, auth: (token) => ({ token }), options: { transports: ["websocket"] } });
  connectWebSocket(wsKitchenRoom, { params: { room: "a" }, WebSocket: globalThis.WebSocket });
  const note: Note = await c.call("echo", { text: "a" }, { timeout: 5, signal: AbortSignal.timeout(1), repeatable: true });
  const r = await c.attempt("fail", "x");
  if (r.ok) return r.value;
  switch (r.error.code) {
    case "bad_payload": {
      const details: readonly Violation[] = r.error.details;
      return details.map((d) => d.rule).join();
    }
    case "rate_limited":
      return r.error.details.retryAfter.toFixed();
    case "burnt":
    case "cold":
    case "disconnected":
    case "no_answer":
    case "aborted":
    case "closed":
    case "queue_full":
    case "too_slow":
    case "busy":
      return r.error.code;
    default:
      return `${r.error.code} ${note.text}`; // of the framework, or of a newer server
  }
}
