// Wrong uses of the client. Each line below @ts-expect-error must not compile; without an error there, the compiler reports the comment.
import { kitchenRoom, vault, wsKitchenRoom, wsVault } from "./api/client.js";
import { connectSocketIO, connectWebSocket } from "./api/gatehouse.js";
import type { Client } from "./api/gatehouse.js";
import type { KitchenRoom, WsKitchenRoom } from "./api/client.js";
import { io } from "socket.io-client";

declare const c: Client<WsKitchenRoom>;
declare const s: Client<KitchenRoom>;

export async function wrong(): Promise<void> {
  // Connecting.
  // @ts-expect-error 1: the endpoint is of Socket.IO
  connectWebSocket(kitchenRoom, { params: { room: "a" } });
  // @ts-expect-error 2: the endpoint is of plain WebSocket
  connectSocketIO(wsKitchenRoom, { io, params: { room: "a" } });
  // @ts-expect-error 3: io is missing
  connectSocketIO(vault, {});
  // @ts-expect-error 4: params are missing
  connectWebSocket(wsKitchenRoom, {});
  // @ts-expect-error 5: a parameter is missing
  connectWebSocket(wsKitchenRoom, { params: {} });
  // @ts-expect-error 6: there is no such parameter
  connectWebSocket(wsKitchenRoom, { params: { room: "a", floor: 1 } });
  // @ts-expect-error 7: the address has no parameters
  connectWebSocket(wsVault, { params: { room: "a" } });
  // @ts-expect-error 8: a token is a text
  connectWebSocket(wsVault, { token: async () => 7 });
  // @ts-expect-error 9: no such option
  connectWebSocket(wsVault, { retries: 3 });

  // Calls.
  // @ts-expect-error 10: no such event
  await c.call("cook", 1);
  // @ts-expect-error 11: the data is missing
  await c.call("once");
  // @ts-expect-error 12: the data is a number
  await c.call("once", "1");
  // @ts-expect-error 13: the event has no data
  await c.call("room", "a");
  // @ts-expect-error 14: the result is a number
  (await c.call("once", 1)).length;
  // @ts-expect-error 15: there is no such field
  await c.call("echo", { text: "a", size: 1 });
  // @ts-expect-error 16: undefined is not a text
  await c.call("echo", { text: undefined });
  // @ts-expect-error 17: binary is base64 on plain WebSocket
  await c.call("echo", { blob: new Uint8Array() });
  // @ts-expect-error 18: binary is not a text on Socket.IO
  await s.call("echo", { blob: "AA==" });
  // @ts-expect-error 19: an argument is missing
  await c.call("mix", ["a"]);
  // @ts-expect-error 20: a stream is not a call
  await c.call("count", { from: 1 });
  // @ts-expect-error 21: an element of the result may be no text
  (await c.call("mix", ["a", 1]))[0].length;
  // @ts-expect-error 22: no such option of a call
  await c.call("room", undefined, { retries: 3 });

  // Errors.
  const r = await c.attempt("fail", "burnt");
  // @ts-expect-error 23: there may be an error
  r.value;
  if (!r.ok) {
    // @ts-expect-error 24: the event has no such code
    if (r.error.code === "brunt") return;
    // @ts-expect-error 25: what details are is not known yet
    r.error.details.length;
    switch (r.error.code) {
      case "burnt":
      case "cold":
      case "bad_payload":
      case "rate_limited":
        return;
      default:
        // @ts-expect-error 26: codes of the client are left
        r.error satisfies never;
    }
  }

  // Streams, events, answers.
  // @ts-expect-error 27: items are numbers
  for await (const n of c.stream("count", { from: 1 })) n.length;
  // @ts-expect-error 28: of several events, the data depends on the event
  for await (const item of c.stream("both")) item.data.text;
  // @ts-expect-error 29: no such event
  c.on("tick", () => {});
  // @ts-expect-error 30: the data is a text
  c.on("poked", (n: number) => n);
  // @ts-expect-error 31: the answer is true or false
  c.answer("confirm", () => "yes");
  // @ts-expect-error 32: the server does not ask that
  c.answer("poked", () => true);
  // @ts-expect-error 33: a call has no option of that name
  c.send("poke", "x", { repeatable: true });
  // @ts-expect-error 34: the endpoint has no handler for other events
  c.other.call("anything");
}
