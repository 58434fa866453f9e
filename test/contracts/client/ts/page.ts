// Runs scenarios in a browser: await run("calls", "ws")
import { io } from "socket.io-client";
import { run } from "./scenarios.js";
import type { Env } from "./scenarios.js";

Object.assign(globalThis, {
  run: (scenario: string, platform: Env["platform"]) => run(scenario, { platform, url: location.origin, io, say: (line) => console.log(line) }),
});
