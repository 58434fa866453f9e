// What the client does in Node and in the browser; each scenario returns what it has seen.
import { kitchenRoom, vault, wsKitchenRoom, wsVault } from "./api/client.js";
import type { KitchenRoom, WsKitchenRoom, Vault, WsVault } from "./api/client.js";
import { connectSocketIO, connectWebSocket, GatehouseError } from "./api/gatehouse.js";
import type { Client, SocketIOOptions, State, WebSocketOptions } from "./api/gatehouse.js";

export interface Env {
  url: string;
  platform: "ws" | "socketio";
  io: SocketIOOptions<Vault>["io"];
  /** Of Node; undefined in the browser, which has its own. */
  WebSocket?: NonNullable<WebSocketOptions<WsVault>["WebSocket"]>;
  say: (line: string) => void;
}

// Both endpoints have the same events; only binary differs, see bytes.
type Kitchen = Client<Omit<WsKitchenRoom, "fallback">>;
type Common = Omit<WebSocketOptions<WsVault>, "params" | "url" | "query" | "protocols" | "WebSocket">;

const fast = { retry: { first: 20, longest: 100 } } satisfies Common;

function connect(env: Env, options: Common = {}, socketio: { [name: string]: unknown } = {}): Kitchen {
  const shared = { url: env.url, params: { room: "a b.ü" }, onError: (e: unknown) => env.say(`error ${e}`), ...fast, ...options };
  if (env.platform === "socketio") return connectSocketIO(kitchenRoom, { ...shared, io: env.io, options: socketio }) as unknown as Kitchen;
  return connectWebSocket(wsKitchenRoom, { ...shared, ...(env.WebSocket && { WebSocket: env.WebSocket }) });
}

function connectVault(env: Env, options: Common): Client<WsVault> {
  const shared = { url: env.url, ...fast, ...options };
  if (env.platform === "socketio") return connectSocketIO(vault, { ...shared, io: env.io }) as Client<WsVault>;
  return connectWebSocket(wsVault, { ...shared, ...(env.WebSocket && { WebSocket: env.WebSocket }) });
}

const codeOf = (e: unknown) => (e instanceof GatehouseError ? e.code : String(e));

/** Resolves with the code of a rejection. */
const rejected = (p: Promise<unknown>) => p.then((v) => `resolved ${JSON.stringify(v)}`, codeOf);

const hex = (b: Uint8Array | ArrayBuffer | null) => (b === null ? "null" : [...new Uint8Array(b as Uint8Array)].join(","));

/** Resolves with the next state that is named. */
function next(states: State[], want: State, after = 0): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (states.indexOf(want, after) < 0) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}

const scenarios = {
  /** Calls, results, errors by their codes. */
  async calls(env: Env) {
    const errors: string[] = [];
    const c = connect(env, { onError: (e) => errors.push(`${codeOf(e)}`) });
    const seen: unknown[] = [];
    seen.push(await c.call("room"));
    seen.push(await c.call("fail", "fine"), await c.call("mix", ["a", 7]), await c.call("poke", "x"));
    for (const how of ["burnt", "cold", "secret"]) {
      const r = await c.attempt("fail", how);
      if (r.ok) continue;
      switch (r.error.code) {
        case "burnt":
          seen.push(["burnt", r.error.details, r.error.message, r.error.event]);
          break;
        case "cold":
          seen.push(["cold", r.error.details === undefined]);
          break;
        default:
          seen.push(["another", String(r.error.code)]);
      }
    }
    try {
      await c.call("once", "x" as unknown as number);
    } catch (e) {
      if (c.failed("once", e) && e.code === "bad_payload") seen.push(["bad_payload", e.details.map((d) => d.rule)]);
      seen.push(c.failed("mix", e));
    }
    seen.push(await c.call("fail", "still open"));
    c.close();
    seen.push(await rejected(c.call("fail", "closed")), c.state);
    return { seen, errors };
  },

  /** Binary, of its own kind on each platform. */
  async bytes(env: Env) {
    const c = connect(env);
    const binary = c as unknown as Client<KitchenRoom>;
    const sent = new Uint8Array([0, 1, 255]);
    const seen: unknown[] = [];
    if (env.platform === "ws") {
      seen.push(await c.call("echo", { text: "é", blob: "AAH/" }));
    } else {
      const r = await binary.call("echo", { text: "é", blob: sent });
      seen.push({ text: r.text, blob: hex(r.blob) });
    }
    try {
      for await (const n of binary.stream("notes", 1)) seen.push(typeof n.blob === "string" ? n.blob : hex(n.blob));
    } catch (e) {
      seen.push(codeOf(e));
    }
    c.close();
    return seen;
  },

  /** Events, listeners that throw, calls of the server. */
  async events(env: Env) {
    const errors: string[] = [];
    const c = connect(env, { onError: (e) => errors.push(String(e)) });
    const seen: unknown[] = [];
    c.on("poked", () => {
      throw new Error("of a listener");
    });
    const off = c.on("poked", (text) => seen.push(["poked", text]));
    c.on("pair", (p) => seen.push(["pair", p]));
    c.on("asked", (yes) => seen.push(["asked", yes]));
    c.send("poke", "one");
    await c.call("fail", "barrier");
    off();
    c.send("poke", "two");
    await c.call("mix", ["b", 2]);
    const remove = c.answer("confirm", async (q) => q.text === "sure?");
    seen.push(await c.call("ask", "sure?"), await c.call("ask", "no?"));
    remove();
    seen.push(await rejected(c.call("ask", "nobody", { timeout: 300 })));
    c.answer("confirm", () => {
      throw new Error("of an answerer");
    });
    seen.push(await rejected(c.call("ask", "broken", { timeout: 300 })));
    c.close();
    return { seen, errors };
  },

  /** Two streams at once, the end by an error, several kinds of items. */
  async streams(env: Env) {
    const c = connect(env);
    const seen: unknown[] = [];
    const ticks: number[] = [];
    const notes: string[] = [];
    const [, end] = await Promise.all([
      (async () => {
        for await (const n of c.stream("count", { from: 0, to: 500 })) ticks.push(n);
      })(),
      rejected((async () => {
        for await (const n of c.stream("notes", 500)) notes.push(n.text);
      })()),
    ]);
    seen.push(ticks.length, ticks.every((n, i) => n === i), notes.length, notes.every((n, i) => n === String(i)), end);
    if (env.platform === "ws") {
      const two = [c.stream("count", { from: 0, to: 50 }), c.stream("count", { from: 100, to: 150 })];
      const all = await Promise.all(two.map(async (s) => {
        const items: number[] = [];
        for await (const n of s) items.push(n);
        return items;
      }));
      seen.push(all[0]?.[49], all[1]?.[49]);
    } else {
      const first = c.stream("count", { from: 0 });
      await first.next();
      seen.push(await rejected(c.stream("both").next()), await rejected(c.stream("count", { from: 0, to: 1 }).next()));
      await first.return();
      let sum = 0; // waits for the end of the cancelled one
      for await (const n of c.stream("count", { from: 10, to: 12 })) sum += n;
      seen.push(sum);
    }
    for await (const item of c.stream("both")) seen.push(item.event === "tick" ? item.data : (item.data as { text: string }).text);
    c.close();
    return seen;
  },

  /** break cancels; so does an AbortSignal; a reader that is too slow. */
  async cancel(env: Env) {
    const c = connect(env, { limits: { items: 10 } });
    const seen: unknown[] = [];
    for await (const n of c.stream("count", { from: 5 })) {
      seen.push(n);
      if (n === 6) break;
    }
    env.say("cancelled");
    const controller = new AbortController();
    const s = c.stream("count", { from: 1 }, { signal: controller.signal });
    seen.push((await s.next()).value, (await s.next()).value, (await s.next()).value);
    const pending = rejected(s.next());
    controller.abort();
    seen.push(await pending, (await s.next()).done);
    env.say("aborted");
    const slow = c.stream("count", { from: 0, to: 100_000 });
    seen.push((await slow.next()).value);
    await c.call("fail", "items arrive").catch(() => {});
    let n = 0; // what was kept is read
    seen.push(await rejected((async () => {
      for await (const _ of slow) {
        n++;
        await new Promise((done) => setTimeout(done, 50));
      }
    })()), n >= 10);
    env.say("slow");
    seen.push(await rejected(c.stream("count", { from: 0 }, { signal: AbortSignal.abort() }).next()), await c.call("fail", "alive"));
    c.close();
    return seen;
  },

  /** Timeouts and signals of calls. */
  async limits(env: Env) {
    const c = connect(env, { limits: { unanswered: 2 } });
    const seen: unknown[] = [];
    seen.push(await rejected(c.call("wait", undefined, { timeout: 50 })));
    const controller = new AbortController();
    const aborted = rejected(c.call("wait", undefined, { signal: controller.signal, timeout: 0 }));
    const other = rejected(c.call("wait", undefined, { timeout: 0 }));
    seen.push(await rejected(c.call("fail", "third")));
    controller.abort();
    seen.push(await aborted, await rejected(c.call("wait", undefined, { signal: controller.signal })), await c.call("fail", "free"));
    c.close();
    seen.push(await other);
    return seen;
  },

  /** What the server ends for good. */
  async kicked(env: Env) {
    const states: string[] = [];
    const c = connect(env, { onState: (s, e) => states.push(e ? `${s} ${e.code}` : s) });
    c.send("kick");
    const seen = [await rejected(c.call("wait", undefined, { timeout: 0 }))];
    await new Promise((done) => setTimeout(done, 300));
    return { seen, states, state: c.state };
  },

  /** The token is asked before each attempt, and again when it has expired. */
  async tokens(env: Env) {
    const states: State[] = [];
    let asked = 0;
    const token = async () => {
      asked++;
      if (asked === 2) throw new Error("the login is down");
      return (await (await fetch(`${env.url}/token`)).json()) as string;
    };
    const c = connectVault(env, { token, onState: (s) => void states.push(s), onError: () => {} });
    const first = await c.call("whoami");
    await next(states, "open", states.indexOf("open") + 1);
    const second = await c.call("whoami", undefined, { repeatable: true });
    c.close();
    return { renewed: first !== second, asked: asked >= 3 };
  },

  /** Nobody is signed in. */
  async signedOut(env: Env) {
    const states: string[] = [];
    const c = connectVault(env, { token: () => null, onState: (s) => void states.push(s) });
    return [await rejected(c.call("whoami")), states];
  },

  /** 1,000 calls while connections are cut and the server is killed, each attempt with a token of its own. */
  async storm(env: Env) {
    const states: State[] = [];
    let tokens = 0;
    const c = connectVault(env, {
      onState: (s) => void states.push(s),
      token: async () => {
        tokens++;
        return (await (await fetch(`${env.url}/token`)).json()) as string;
      },
    });
    const results: Record<string, string> = {};
    let sent = 0;
    const worker = async () => {
      while (sent < 1000) {
        const n = sent++;
        results[n] = await rejected(c.call("once", n, { timeout: 60_000 }));
        await new Promise((done) => setTimeout(done, 40));
      }
    };
    await Promise.all(Array.from({ length: 10 }, worker));
    c.close();
    const count = (state: State) => states.filter((s) => s === state).length;
    return { results, opened: count("open"), attempts: count("connecting"), tokens };
  },

  /** The trace context of the caller goes with each message, also with those that wait for the connection. */
  async traced(env: Env) {
    let current: string | undefined;
    const errors: string[] = [];
    const c = connect(env, {
      onError: (e) => errors.push(String(e)),
      trace: () => {
        if (current === "throws") throw new Error("no trace");
        return current;
      },
    });
    const at = (n: number) => (current = `00-${"a".repeat(32)}-${String(n).padStart(16, "0")}-01`);
    at(1);
    const mixed = c.call("mix", ["a", 7]);
    at(2);
    c.send("poke", "x");
    at(3);
    const numbers = c.stream("count", { from: 5, to: 7 });
    current = undefined;
    const seen: unknown[] = [await mixed];
    for await (const n of numbers) seen.push(n);
    seen.push(await c.call("room"));
    for (current of ["throws", "00-wrong-01", at(4).toUpperCase(), at(0), '","x":"']) seen.push(await c.call("fail", "fine"));
    at(5);
    seen.push(await c.call("once", 9));
    c.close();
    return { seen, errors };
  },

  /** The same client after each cut: every event once and in order. */
  async recovered(env: Env) {
    const got: string[] = [];
    const opened: unknown[] = [];
    const c = connect(env, {
      onState: (s, _, recovered) => {
        if (s !== "open") return;
        opened.push(recovered ?? null);
        env.say(`open ${opened.length}`);
      },
    });
    await new Promise<void>((done) => {
      c.on("poked", (text) => {
        got.push(text);
        if (text === "end") done();
      });
      void c.call("fail", "ready").then(() => env.say("ready"));
    });
    c.close();
    return { got, opened };
  },

  /** Why the server refuses a client, and that it tries again after some refusals only. */
  async refused(env: Env) {
    const seen: string[] = [];
    for (const token of [() => "wrong", undefined]) {
      let over = false;
      await new Promise<void>((done) => {
        const c = connectWebSocket(wsVault, {
          url: env.url, ...(token && { token }), ...(env.WebSocket && { WebSocket: env.WebSocket }), ...fast,
          onState: (s, e) => {
            if (over || (s !== "waiting" && s !== "closed")) return;
            over = true;
            seen.push(`${s} ${e?.code}`);
            setTimeout(() => (c.close(), done()));
          },
        });
      });
    }
    return seen;
  },

  /** Calls that may be repeated survive a cut; answers never reach another connection. */
  async repeated(env: Env) {
    const states: State[] = [];
    const c = connect(env, { onState: (s) => void states.push(s) });
    const answered: (() => void)[] = [];
    c.answer("confirm", (q) => (q.text === "late" ? new Promise<boolean>((resolve) => answered.push(() => resolve(true))) : false));
    await c.call("fail", "open");
    const late = rejected(c.call("ask", "late"));
    while (!answered.length) await new Promise((done) => setTimeout(done, 5));
    const lost = rejected(c.call("wait", undefined, { timeout: 0 }));
    const again = rejected(c.call("wait", undefined, { timeout: 2000, repeatable: true }));
    const stream = c.stream("count", { from: 0 });
    for (let n = 0; n < 3; n++) await stream.next();
    const broken = rejected(stream.next());
    env.say("cut");
    await next(states, "open", states.indexOf("open") + 1);
    const question = c.call("ask", "another"); // its id is that of the question before
    answered[0]?.();
    return [await late, await lost, await broken, await question, await again].concat((c.close(), c.state));
  },

  /** Messages that wait for a connection are bounded, in number and in bytes. */
  async buffers(env: Env) {
    const states: State[] = [];
    const alone = { transports: ["websocket"] }; // polling drops volatile messages while another one is under way
    const c = connect(env, { onState: (s) => void states.push(s), limits: { queued: 5, queuedBytes: 1000 } }, alone);
    const got: string[] = [];
    c.on("poked", (text) => got.push(text));
    await next(states, "waiting");
    const kept = [];
    for (let n = 0; n < 4; n++) kept.push(c.send("poke", String(n)));
    kept.push(c.send("poke", "volatile", { volatile: true }), c.send("poke", "x".repeat(1000)));
    const last = rejected(c.call("fail", "in time", { timeout: 60_000 }));
    kept.push(c.send("poke", "one too many"));
    const over = [await rejected(c.call("fail", "over"))];
    const timed = connect(env, { limits: { queued: 5 } }, alone);
    over.push(await rejected(timed.call("once", 1, { timeout: 50 }))); // never sent later
    env.say("serve");
    const seen = [await last, got.slice(), c.send("poke", "volatile now", { volatile: true })];
    await c.call("fail", "barrier");
    await timed.call("once", 2);
    timed.close();
    c.close();
    return { kept, over, seen, got };
  },

  /** Clients of a server that drains: when each was told to return, and when it tried. */
  drain: (env: Env) => drained(env, 40),
  drainMany: (env: Env) => drained(env, 200),
};

async function drained(env: Env, count: number) {
  const clients = Array.from({ length: count }, () => {
    const r = { told: 0, after: 0, tried: 0, back: 0 };
    const c = connect(env, {
      onState: (s) => {
        if (r.told && s === "connecting") r.tried ||= Date.now();
        if (r.told && s === "open") r.back ||= Date.now();
      },
    });
    c.on("shutdown", ({ retryAfter }) => {
      r.told = Date.now();
      r.after = retryAfter;
    });
    return { c, r };
  });
  await Promise.all(clients.map(({ c }) => c.call("fail", "open", { timeout: 60_000 })));
  env.say("stop");
  while (clients.some(({ r }) => !r.back)) await new Promise((done) => setTimeout(done, 10));
  const last = await Promise.all(clients.map(({ c }) => c.call("fail", "again", { timeout: 60_000, repeatable: true })));
  for (const { c } of clients) c.close();
  return clients.map(({ r }, i) => ({ after: r.after, tried: r.tried - r.told, back: r.back - r.told, last: last[i] }));
}

export type Scenario = keyof typeof scenarios;

export function run(scenario: string, env: Env): Promise<unknown> {
  return scenarios[scenario as Scenario](env);
}
