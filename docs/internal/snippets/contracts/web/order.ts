import { connectWebSocket } from "./gatehouse.js";
import type { WebSocketOptions } from "./gatehouse.js";
import { shop } from "./client.js";
import type { Shop } from "./client.js";

export async function order(options: WebSocketOptions<Shop>): Promise<string> {
  const client = connectWebSocket(shop, options); // { url: "https://shop.example.com" }
  client.on("ordered", (o) => console.log(`${o.item} for ${o.price}`));
  try {
    const r = await client.attempt("order", { item: "tea", price: "12.50" });
    if (r.ok) return `${r.value} clients know`;
    switch (r.error.code) {
      case "sold_out":
        return "sold out";
      case "bad_payload":
        return r.error.details.map((d) => d.message).join();
      case "disconnected":
        return "the connection was lost: the order may have arrived";
      default:
        return r.error.message;
    }
  } finally {
    client.close();
  }
}
