// Runs a scenario in Node: node.mjs SCENARIO PLATFORM URL
import { io } from "socket.io-client";
import WebSocket from "ws";
import { run } from "./scenarios.js";
import type { Env } from "./scenarios.js";

const [scenario = "", platform = "ws", url = ""] = process.argv.slice(2);
const result = await run(scenario, { platform: platform as Env["platform"], url, io, WebSocket, say: (line) => console.log(line) });
console.log(`result ${JSON.stringify(result)}`);
