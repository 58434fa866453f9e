// The runtime of clients that Gatehouse generates. MIT License. The same file for every application: do not edit it.
/* eslint-disable */

/** Binary data of Socket.IO. What arrives is a Buffer, which is a Uint8Array, in Node, and an ArrayBuffer in browsers. */
export type Bytes = Uint8Array | ArrayBuffer;

export type Platform = "ws" | "socketio";

/** What an endpoint serves, as types only. The generated interfaces have this form. */
export interface Service {
  /** Parts of the address: `{ house: string }` of /tea/{house}. */
  params: object;
  /** Events that the server answers: `{ in, out, code }`. */
  calls: object;
  /** Events that the server answers by items: `{ in, item, code }`. */
  streams: object;
  /** Events of the server, by the type of their data. */
  events: object;
  /** Events of the server that the client answers: `{ in, out }`. */
  asks: object;
}

/** An endpoint of an application, generated. */
export interface Endpoint<S extends Service, P extends Platform> {
  readonly platform: P;
  readonly address: string;
  /** The path of the server, of Socket.IO. */
  readonly path?: string;
  /** The events of the items of each stream. */
  readonly streams: { readonly [event: string]: readonly string[] };
  /** The events whose data is a list of arguments, of Socket.IO. */
  readonly spread?: { readonly [part in "calls" | "results" | "events" | "answers"]?: readonly string[] };
  /** Never set: it carries the types. */
  readonly service?: S;
}

/** The codes of errors that the client itself makes. */
export type LocalCode =
  | "disconnected" // the connection was lost after the message was sent: the server may have handled it
  | "no_answer" // the timeout has passed
  | "aborted" // by the AbortSignal
  | "closed" // the client is closed; cause says why, if it was not close()
  | "queue_full" // too many messages wait for the connection, or for answers
  | "too_slow" // the items of a stream arrive faster than they are read
  | "busy"; // Socket.IO: a stream with the same event, or the same items, runs already

declare const other: unique symbol;

/**
 * A code that the contract does not list for the event. It is a text, of a type of its own, so that a comparison with a listed code
 * leaves just the errors with that code. String(code) is the text.
 */
export interface OtherCode {
  readonly [other]: true;
  toString(): string;
}

/** A field of a payload that a rule forbids. */
export interface Violation {
  readonly field: string;
  readonly rule: string;
  readonly message: string;
}

/** An error of the server, or one with a {@link LocalCode}. */
export class GatehouseError<C extends string | OtherCode = string, D = unknown> extends Error {
  /** What went wrong; "" if the server says nothing. */
  readonly code: C;
  readonly details: D;
  /** The event of the request; "" of what belongs to no request. */
  readonly event: string;

  constructor(message: string, code: C, details: D, event: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GatehouseError";
    this.code = code;
    this.details = details;
    this.event = event;
  }
}

type Each<C extends string, D> = C extends string ? GatehouseError<C, D> : never;

/** The errors of an event, which `code` distinguishes. C are the codes that the contract lists for it. */
export type Failure<C extends string = never> =
  | Each<C, unknown>
  | Each<Exclude<"bad_payload", C>, readonly Violation[]>
  | Each<Exclude<"rate_limited", C>, { readonly retryAfter: number }>
  | Each<LocalCode, undefined>
  | GatehouseError<OtherCode, unknown>;

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** connecting: an attempt runs; open; waiting: for the next attempt; closed: for good. */
export type State = "connecting" | "open" | "waiting" | "closed";

export interface CallOptions {
  /** Milliseconds until the answer, the wait for the connection included; 0 for no limit. Default: that of the client. */
  timeout?: number;
  signal?: AbortSignal;
  /** Send it again if the connection is lost before the answer. Only for what may happen twice. Default: false. */
  repeatable?: boolean;
}

export interface StreamOptions {
  signal?: AbortSignal;
}

export interface SendOptions {
  /** Drop it while there is no connection, or while the connection is slow. Default: false. */
  volatile?: boolean;
}

type In<T> = T extends { in: infer I } ? I : never;
type Out<T> = T extends { out: infer O } ? O : never;
type Item<T> = T extends { item: infer I } ? I : never;
type Code<T> = T extends { code: infer C extends string } ? C : never;
type Name<T> = keyof T & string;
type Args<I, O> = [I] extends [void] ? [data?: undefined, options?: O] : [data: I, options?: O];

/** A running stream. Leaving the loop cancels it. */
export interface Stream<T> extends AsyncIterableIterator<T> {
  return(): Promise<IteratorResult<T>>;
}

export interface Client<S extends Service> {
  readonly state: State;
  /** Sends a request and resolves with its result. It rejects with one of `Failure`; see {@link Client.failed}. */
  call<E extends Name<S["calls"]>>(event: E, ...args: Args<In<S["calls"][E]>, CallOptions>): Promise<Out<S["calls"][E]>>;
  /** As call, but errors are values with their types. */
  attempt<E extends Name<S["calls"]>>(
    event: E,
    ...args: Args<In<S["calls"][E]>, CallOptions>
  ): Promise<Result<Out<S["calls"][E]>, Failure<Code<S["calls"][E]>>>>;
  /** Reports whether what was caught is an error of this event. */
  failed<E extends Name<S["calls"]> | Name<S["streams"]>>(
    event: E,
    error: unknown,
  ): error is Failure<Code<E extends Name<S["calls"]> ? S["calls"][E] : E extends Name<S["streams"]> ? S["streams"][E] : never>>;
  /** Sends an event without waiting for an answer. It returns false if the event is dropped. */
  send<E extends Name<S["calls"]>>(event: E, ...args: Args<In<S["calls"][E]>, SendOptions>): boolean;
  /** Asks for a stream, which starts with the first `next`: `for await (const item of client.stream("count", 3))`. */
  stream<E extends Name<S["streams"]>>(event: E, ...args: Args<In<S["streams"][E]>, StreamOptions>): Stream<Item<S["streams"][E]>>;
  /** Calls the listener for each event of the name. It returns a function that removes the listener. */
  on<E extends Name<S["events"]>>(event: E, listener: (data: S["events"][E]) => void): () => void;
  /** Answers what the server asks; one function for each event. An error in it is passed to onError, and nothing is answered. */
  answer<E extends Name<S["asks"]>>(
    event: E,
    answerer: (data: In<S["asks"][E]>) => Out<S["asks"][E]> | Promise<Out<S["asks"][E]>>,
  ): () => void;
  /** The same as call and send for events that only a handler for all others has: their types are not known. */
  readonly other: S extends { fallback: true }
    ? { call(event: string, data?: unknown, options?: CallOptions): Promise<unknown>; send(event: string, data?: unknown, options?: SendOptions): boolean }
    : undefined;
  /** Closes the connection for good. What waits is rejected with the code closed. */
  close(): void;
}

interface Common {
  /** Where the application is, as http(s) or ws(s): "https://api.example.com". Default: the origin of the page. */
  url?: string;
  /**
   * Returns the token, before each attempt to connect. null closes the client: nobody is signed in. An error counts as a failed attempt.
   */
  token?: () => string | null | Promise<string | null>;
  /** Milliseconds until an answer. Default: 10,000. */
  timeout?: number;
  /** Milliseconds until a connection is open. Default: 20,000. */
  connectTimeout?: number;
  /** The pauses between attempts, in milliseconds: the first, which doubles each time, and the longest. Default: 500 and 30,000. */
  retry?: { first?: number; longest?: number };
  /**
   * Returns the W3C traceparent of the caller, for the server's observers: it is called once by each call, send and stream, where that is
   * called, and sent with it. undefined sends none, as does what has another form. Over Socket.IO it is the last argument "tp=…": only for
   * servers with socketio.Options{TraceArgument: socketio.On}, others pass it to their handlers. Default: none is sent.
   */
  trace?: () => string | undefined;
  /** Messages that wait for a connection, their bytes, requests without an answer, items of a stream that are not read. */
  limits?: { queued?: number; queuedBytes?: number; unanswered?: number; items?: number };
  /**
   * Is called with each state. The error says why the client waits or is closed. recovered is of the state open, where the server
   * recovers clients: true if the client is the one that it was and receives what it missed, false if it is a new one.
   */
  onState?: (state: State, error?: GatehouseError, recovered?: boolean) => void;
  /** Is called with errors that belong to no request, and with what listeners and answerers throw. Default: console.error. */
  onError?: (error: unknown) => void;
}

type Params<S extends Service> = keyof S["params"] extends never ? { params?: undefined } : { params: S["params"] };

export interface WebSocketLike {
  binaryType: string;
  readonly protocol: string;
  readonly bufferedAmount: number;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(text: string): void;
  close(code?: number): void;
}

export type WebSocketOptions<S extends Service> = Common &
  Params<S> & {
    query?: { readonly [name: string]: string };
    /** The subprotocols to offer besides gatehouse.v1. Default: bearer and the token, if there is one. */
    protocols?: (token: string | undefined) => string[];
    /** Offers gatehouse.v1, for recovery and the reasons of refusals. false is for servers that do not know it. Default: true. */
    v1?: boolean;
    /** The class to use: that of package ws where there is no global one. */
    WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  };

export interface SocketLike {
  readonly connected: boolean;
  readonly recovered?: boolean;
  readonly volatile: { emit(event: string, ...args: any[]): unknown };
  connect(): unknown;
  disconnect(): unknown;
  emit(event: string, ...args: any[]): unknown;
  on(event: string, listener: (...args: any[]) => void): unknown;
  onAny(listener: (event: string, ...args: any[]) => void): unknown;
  off(): unknown;
  offAny(): unknown;
}

export type SocketIOOptions<S extends Service> = Common &
  Params<S> & {
    /** The function io of socket.io-client. */
    io: (url: string, options: { [name: string]: any }) => SocketLike;
    /** What the namespace receives as auth. Default: `{ token }`, if there is one. */
    auth?: (token: string | undefined) => { [name: string]: unknown };
    /**
     * More options of io, such as transports and parser. Those for connecting again are the runtime's. Default transports: WebSocket, and
     * polling where it fails. The other order, Socket.IO's own, makes engine.io-client 6.6 wait for the ping timeout when the connection
     * breaks at the end of its upgrade.
     */
    options?: { readonly [name: string]: unknown };
  };

/** Connects over plain WebSocket. */
export function connectWebSocket<S extends Service>(endpoint: Endpoint<S, "ws">, options: WebSocketOptions<S>): Client<S> {
  const WS = options.WebSocket ?? ((globalThis as { WebSocket?: unknown }).WebSocket as WebSocketOptions<S>["WebSocket"]);
  if (!WS) throw new TypeError("there is no WebSocket here: pass the class of package ws as options.WebSocket");
  const at = baseOf(options.url);
  const query = new URLSearchParams(options.query).toString();
  const address = at.protocol.replace("http", "ws") + "//" + at.host + at.pathname.replace(/\/$/, "") +
    addressOf(endpoint, options.params, encodeURIComponent) + (query && "?" + query);
  let current: WebSocketLike | undefined;
  let key = ""; // by which the client resumes
  let pos = ""; // of the last event
  return start(endpoint, options, {
    encode(data) {
      const text = JSON.stringify(data);
      return { body: text, size: () => (text ? new TextEncoder().encode(text).length : 0) };
    },
    dial(token, up) {
      const offer = options.protocols ? options.protocols(token) : token === undefined ? [] : ["bearer", token];
      const v1 = options.v1 === false ? [] : key ? [V1, `gatehouse.resume.${key}.${pos}`] : [V1];
      const socket = new WS(address, [...v1, ...offer]);
      current = socket;
      let waits = true; // for the first frame of gatehouse.v1
      let refused: GatehouseError | undefined;
      const put = (frame: object) => socket.send(JSON.stringify(frame));
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        waits = socket.protocol === V1;
        if (!waits) up.opened();
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
        up.lost(
          refused ?? new GatehouseError(`the connection was closed with ${code} ${reason}`, code === 4401 ? "token_expired" : "disconnected", undefined, ""),
          code === 4401
            ? !options.token
            : socket.protocol === V1 && (code === 4429 || code === 4503)
              ? false
              : code >= 4000 || [1000, 1002, 1003, 1007, 1009, 1010].includes(code),
        );
      socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
        if (socket !== current) return;
        let m: { event?: string; id?: number; re?: number; data?: unknown; pos?: string; session?: Session };
        try {
          m = JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data));
        } catch {
          return;
        }
        if (m.pos) pos = m.pos;
        if (waits) {
          if (m.session) {
            waits = false;
            key = m.session.key ?? "";
            pos = m.session.pos ?? pos;
            up.opened(m.session.recovered);
          } else if (m.event === "exception") {
            const e = (m.data ?? {}) as Exception;
            refused = new GatehouseError(e.message ?? "", e.code ?? "", e.details, "");
          }
        } else if (m.event === undefined) up.answered(m.id as number, m.data);
        else if (m.event === "exception") up.failed(m.id, m.data);
        else if (m.re !== undefined) up.item(m.re, m.event, m.data);
        else if (m.id !== undefined) up.asked(m.event, m.data, (value) => put({ id: m.id, data: value }));
        else up.event(m.event, m.data);
      };
      return {
        send({ event, body, id, kind, volatile, trace }) {
          if (volatile && socket.bufferedAmount > 65536) return false;
          const data = body === undefined ? "" : `,"data":${body as string}`;
          const traced = trace && `,"traceparent":"${trace}"`;
          socket.send(`{"event":${JSON.stringify(event)}${data}${kind === "send" ? "" : `,"id":${id}`}${traced}}`);
          return true;
        },
        cancel: ({ id }) => put({ cancel: id }),
        close: () => socket.close(1000),
      };
    },
  });
}

/** Connects over socket.io-client, which is passed as `io`. */
export function connectSocketIO<S extends Service>(endpoint: Endpoint<S, "socketio">, options: SocketIOOptions<S>): Client<S> {
  const at = baseOf(options.url);
  let auth: { [name: string]: unknown } = {};
  const lists = (part: "calls" | "results" | "events" | "answers", event: string) => endpoint.spread?.[part]?.includes(event);
  const namespace = addressOf(endpoint, options.params, (text) => {
    if (/[?#]/.test(text)) throw new TypeError(`a namespace must not have ? or #: ${text}`);
    return text;
  });
  const socket = options.io(at.protocol.replace("ws", "http") + "//" + at.host + namespace, {
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    ...options.options,
    path: at.pathname.replace(/\/$/, "") + (endpoint.path ?? "/socket.io/"),
    auth: (done: (auth: object) => void) => done(auth),
    autoConnect: false,
    reconnection: false,
    retries: 0,
  });
  return start(endpoint, options, {
    exclusive: true,
    encode: (data) => ({ body: data, size: () => sizeOf(data) }),
    dial(token, up) {
      let expired = false;
      auth = options.auth ? options.auth(token) : token === undefined ? {} : { token };
      socket.off();
      socket.offAny();
      socket.on("connect", () => up.opened(socket.recovered));
      socket.on("connect_error", (e: Error & { data?: Exception }) =>
        up.lost(
          new GatehouseError(e.message, e.data?.code ?? "disconnected", e.data?.details, "", e),
          e.message === "Invalid namespace",
          e.data?.code === "rate_limited" ? (e.data.details as { retryAfter?: number } | undefined)?.retryAfter : undefined,
        ));
      socket.on("disconnect", (reason: string) =>
        up.lost(fault(`the connection was closed: ${reason}`, "disconnected", ""), reason === "io server disconnect" && !(expired && options.token)));
      socket.onAny((event, ...args: unknown[]) => {
        const last = args[args.length - 1];
        const ack = typeof last === "function" ? (args.pop() as (...args: unknown[]) => void) : undefined;
        const data = lists("events", event) ? args : args[0];
        if (event === "exception") {
          expired ||= (data as Exception | undefined)?.code === "token_expired";
          up.failed(undefined, data);
        } else if (ack) {
          up.asked(event, data, (value) => (lists("answers", event) ? ack(...(value as unknown[])) : value === undefined ? ack() : ack(value)));
        } else {
          up.event(event, data);
        }
      });
      socket.connect();
      return {
        send({ event, body, id, kind, volatile, trace }) {
          const args = lists("calls", event) ? [...(body as unknown[])] : body === undefined ? [] : [body];
          if (trace) args.push("tp=" + trace);
          if (kind === "send") {
            (volatile ? socket.volatile : socket).emit(event, ...args);
            return true;
          }
          socket.emit(event, ...args, (...result: unknown[]) => {
            const e = result[0] as Exception | null | undefined;
            if (e && e.status === "error" && typeof e.message === "string") up.failed(id, e);
            else up.answered(id, lists("results", event) ? result : result[0]);
          });
          return true;
        },
        cancel: ({ event }) => void socket.emit("gatehouse:cancel", event),
        close: () => void socket.disconnect(),
      };
    },
  });
}

const V1 = "gatehouse.v1";

/** The first frame of gatehouse.v1. */
interface Session {
  key?: string;
  pos?: string;
  recovered?: boolean;
}

interface Exception {
  status?: unknown;
  message?: string;
  code?: string;
  details?: unknown;
}

/** What the platform does. */
interface Wire {
  /** Items carry no id: a stream is known by its events. */
  exclusive?: boolean;
  encode(data: unknown): { body: unknown; size: () => number };
  dial(token: string | undefined, up: Up): Link;
}

/** One connection. */
interface Link {
  send(m: Entry): boolean;
  cancel(m: Entry): void;
  close(): void;
}

/** What one connection reports; nothing of it counts once it is lost. */
interface Up {
  opened: (recovered?: boolean) => void;
  answered: (id: number, data: unknown) => void;
  failed: (id: number | undefined, data: unknown) => void;
  item: (id: number, event: string, data: unknown) => void;
  event: (event: string, data: unknown) => void;
  asked: (event: string, data: unknown, reply: (value: unknown) => void) => void;
  lost: (error: GatehouseError, final: boolean, seconds?: number) => void;
}

interface Entry {
  kind: "call" | "send" | "stream";
  id: number;
  event: string;
  body: unknown;
  size: number;
  volatile: boolean;
  repeatable: boolean;
  cancelled: boolean;
  trace: string; // "" for none
  item?: (event: string, data: unknown) => void;
  end: (error?: GatehouseError, value?: unknown) => void;
}

const fault = (message: string, code: LocalCode, event: string, cause?: unknown) =>
  new GatehouseError(event && `${event}: ` + message || message, code, undefined, event, cause);

function baseOf(url: string | undefined): URL {
  return new URL(url ?? (globalThis as { location?: { origin: string } }).location?.origin ?? "");
}

function addressOf(endpoint: Endpoint<any, Platform>, params: object | undefined, encode: (text: string) => string): string {
  return endpoint.address.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const text = String((params as { [name: string]: unknown } | undefined)?.[name] ?? "");
    if (/^\.{0,2}$/.test(text)) throw new TypeError(`params.${name} must not be "${text}"`);
    return encode(text);
  });
}

/** The size of data with binary in it. */
function sizeOf(data: unknown): number {
  let bytes = 0;
  const text = JSON.stringify(data, function (this: { [name: string]: unknown }, name, value: unknown) {
    const raw = this[name]; // a Buffer has a toJSON
    if (raw instanceof ArrayBuffer || ArrayBuffer.isView(raw)) {
      bytes += raw.byteLength;
      return 0;
    }
    return value;
  });
  return bytes + (text ? new TextEncoder().encode(text).length : 0);
}

function start<S extends Service>(endpoint: Endpoint<S, Platform>, o: Common, wire: Wire): Client<S> {
  const first = o.retry?.first ?? 500;
  const longest = o.retry?.longest ?? 30_000;
  const { queued: maxQueued = 1000, queuedBytes: maxBytes = 1 << 20, unanswered: maxUnanswered = 10_000, items: maxItems = 1000 } = o.limits ?? {};
  const listeners = new Map<string, Set<(data: unknown) => void>>();
  const answerers = new Map<string, (data: unknown) => unknown>();
  const streams = new Set<Entry>(); // sent, and not ended
  let blocked: (() => void)[] = []; // streams that wait for the end of a cancelled one
  let waiting = new Map<number, Entry>(); // for a connection, in order
  let sent = new Map<number, Entry>(); // and not answered
  let state: State = "waiting";
  let why: GatehouseError | undefined;
  let link: Link | undefined;
  let connection = 0; // the number of the attempt
  let attempts = 0;
  let openedAt = 0;
  let resumeAt = 0; // when the server wants the client back
  let bytes = 0; // of waiting
  let lastID = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const report = (error: unknown) => {
    try {
      (o.onError ?? console.error)(error);
    } catch (e) {
      console.error(e);
    }
  };
  const guarded = (f: () => unknown) => {
    try {
      f();
    } catch (e) {
      report(e);
    }
  };
  const enter = (next: State, error?: GatehouseError, recovered?: boolean) => {
    state = next;
    guarded(() => o.onState?.(next, error, recovered));
  };

  /** Takes an entry out of where it is. It returns false if it has ended already. */
  const remove = (m: Entry): boolean => {
    streams.delete(m);
    if (waiting.delete(m.id)) {
      bytes -= m.size;
      return true;
    }
    return sent.delete(m.id);
  };
  const settle = (m: Entry, error?: GatehouseError, value?: unknown) => {
    if (!remove(m)) return;
    m.end(error, value);
    if (m.kind === "stream") for (const f of blocked.splice(0)) f();
  };
  const transmit = (m: Entry): boolean => {
    if (m.kind !== "send") sent.set(m.id, m);
    if (m.kind === "stream") streams.add(m);
    try {
      return link!.send(m);
    } catch (e) {
      remove(m);
      m.end(fault("it cannot be sent", "disconnected", m.event, e));
      return false;
    }
  };
  const wait = (m: Entry) => {
    waiting.set(m.id, m);
    bytes += m.size;
  };
  const post = (m: Entry, size: () => number): boolean => {
    if (state === "closed") {
      m.end(fault("the client is closed", "closed", m.event, why));
      return false;
    }
    if (m.kind !== "send" && sent.size + waiting.size >= maxUnanswered) {
      m.end(fault("too many requests have no answer yet", "queue_full", m.event));
      return false;
    }
    if (state === "open") return transmit(m);
    if (m.volatile) return false;
    m.size = size();
    if (waiting.size >= maxQueued || bytes + m.size > maxBytes) {
      m.end(fault("too many messages wait for the connection", "queue_full", m.event));
      return false;
    }
    wait(m);
    return true;
  };
  const traceparent = () => {
    let text: string | undefined;
    guarded(() => (text = o.trace?.()));
    return /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/.test(text ?? "") ? text! : "";
  };
  const entry = (kind: Entry["kind"], event: string, data: unknown, end: Entry["end"]): [Entry, () => number] => {
    const { body, size } = wire.encode(data);
    return [{ kind, id: ++lastID, event, body, size: 0, volatile: false, repeatable: false, cancelled: false, trace: traceparent(), end }, size];
  };

  const finish = (error?: GatehouseError) => {
    if (state === "closed") return;
    const open = link;
    connection++;
    link = undefined;
    why = error;
    clearTimeout(timer);
    state = "closed"; // nothing that is rejected below may send
    for (const m of [...sent.values(), ...waiting.values()]) settle(m, fault("the client is closed", "closed", m.event, error));
    guarded(() => open?.close());
    enter("closed", error);
  };

  const lost = (error: GatehouseError, final: boolean) => {
    const gone = [...sent.values()];
    const later = waiting;
    connection++;
    link = undefined;
    clearTimeout(timer);
    sent = new Map();
    streams.clear();
    waiting = new Map();
    bytes = 0;
    state = "waiting";
    const broken: Entry[] = [];
    for (const m of gone) {
      if (m.repeatable && !final) wait(m);
      else broken.push(m);
    }
    for (const m of later.values()) wait(m);
    if (openedAt && Date.now() - openedAt > 5000) attempts = 0;
    openedAt = 0;
    const told = resumeAt - Date.now();
    const delay = resumeAt ? Math.max(told, 0) : Math.min(longest, first * 2 ** attempts++) * (0.5 + Math.random() / 2);
    resumeAt = 0;
    if (!final) timer = setTimeout(dial, delay);
    for (const m of broken) m.end(fault("the connection was lost before the answer", "disconnected", m.event, error));
    for (const f of blocked.splice(0)) f();
    if (final) finish(error);
    else if (state === "waiting") enter("waiting", error);
  };

  const dial = async () => {
    const mine = ++connection;
    const alive = () => mine === connection;
    const fail = (error: unknown) => {
      const open = link;
      if (!alive()) return;
      lost(error instanceof GatehouseError ? error : fault("the attempt to connect failed", "disconnected", "", error), false);
      guarded(() => open?.close());
    };
    timer = setTimeout(() => fail(fault("the attempt to connect took too long", "disconnected", "")), o.connectTimeout ?? 20_000);
    enter("connecting");
    try {
      const token = alive() ? await o.token?.() : undefined;
      if (!alive()) return;
      if (token === null) return finish(fault("there is no token", "closed", ""));
      link = wire.dial(token, {
        opened: (recovered) => {
          if (!alive()) return;
          clearTimeout(timer);
          openedAt = Date.now();
          state = "open";
          const later = waiting;
          waiting = new Map();
          bytes = 0;
          for (const m of later.values()) transmit(m);
          enter("open", undefined, recovered);
        },
        answered: (id, data) => {
          const m = alive() && sent.get(id);
          if (m) settle(m, undefined, data);
        },
        failed: (id, data) => {
          if (!alive()) return;
          const e = (data ?? {}) as Exception;
          const m = id === undefined ? undefined : sent.get(id);
          const error = new GatehouseError(e.message ?? "", e.code ?? "", e.details, m?.event ?? "");
          if (m) settle(m, error);
          else if (id === undefined) report(error);
        },
        item: (id, event, data) => {
          if (alive()) sent.get(id)?.item?.(event, data);
        },
        event: (event, data) => {
          if (!alive()) return;
          if (event === "shutdown") resumeAt = Date.now() + ((data as { retryAfter?: number } | undefined)?.retryAfter ?? 0);
          if (wire.exclusive) {
            for (const m of streams) if (endpoint.streams[m.event]?.includes(event)) return m.item?.(event, data);
          }
          for (const f of [...(listeners.get(event) ?? [])]) guarded(() => f(data));
        },
        asked: (event, data, reply) => {
          if (!alive()) return;
          const f = answerers.get(event);
          if (!f) return report(new Error(`the server asks ${event}, and nothing answers: use client.answer`));
          new Promise((resolve) => resolve(f(data))).then((value) => {
            if (alive()) reply(value);
          }).catch(report);
        },
        lost: (error, final, seconds) => {
          if (!alive()) return;
          if (seconds) resumeAt = Date.now() + seconds * 1000;
          lost(error, final);
        },
      });
    } catch (e) {
      fail(e);
    }
  };

  /** Calls f when the signal is aborted, until the returned function is called. */
  const watch = (signal: AbortSignal | undefined, f: () => void) => {
    signal?.addEventListener("abort", f);
    return () => signal?.removeEventListener("abort", f);
  };

  const call = (event: string, data?: unknown, c: CallOptions = {}) =>
    new Promise<unknown>((resolve, reject) => {
      if (c.signal?.aborted) return reject(fault("it was aborted", "aborted", event, c.signal.reason));
      const limit = c.timeout ?? o.timeout ?? 10_000;
      const [m, size] = entry("call", event, data, (error, value) => {
        clearTimeout(late);
        unwatch();
        error ? reject(error) : resolve(value);
      });
      m.repeatable = c.repeatable ?? false;
      const late = limit > 0 ? setTimeout(() => settle(m, fault(`no answer within ${limit} ms`, "no_answer", event)), limit) : undefined;
      const unwatch = watch(c.signal, () => settle(m, fault("it was aborted", "aborted", event, c.signal?.reason)));
      post(m, size);
    });

  const send = (event: string, data?: unknown, s: SendOptions = {}) => {
    let failure: GatehouseError | undefined;
    const [m, size] = entry("send", event, data, (error) => (failure = error));
    m.volatile = s.volatile ?? false;
    return post(m, size) && !failure;
  };

  const stream = (event: string, data?: unknown, s: StreamOptions = {}): Stream<unknown> => {
    const names = endpoint.streams[event] ?? [];
    const items: unknown[] = [];
    const readers: { resolve: (r: IteratorResult<unknown>) => void; reject: (e: unknown) => void }[] = [];
    let phase: "new" | "running" | "ended" = "new";
    let failure: GatehouseError | undefined;
    let unwatch = () => {};
    const done = { value: undefined, done: true } as const;
    const end = (error?: GatehouseError) => {
      if (phase === "ended") return;
      phase = "ended";
      failure = error;
      unwatch();
      for (const r of readers.splice(0)) {
        failure ? r.reject(failure) : r.resolve(done);
        failure = undefined;
      }
    };
    const [m, size] = entry("stream", event, data, end);
    m.item = (name, value) => {
      if (phase !== "running") return;
      const item = names.length > 1 ? { event: name, data: value } : value;
      const reader = readers.shift();
      if (reader) return reader.resolve({ value: item, done: false });
      if (items.length >= maxItems) cancel(fault(`more than ${maxItems} items are not read`, "too_slow", event));
      else items.push(item);
    };
    const cancel = (error?: GatehouseError) => {
      if (waiting.has(m.id)) remove(m);
      else if (sent.has(m.id) && !m.cancelled) {
        m.cancelled = true; // until its answer
        guarded(() => link?.cancel(m));
      }
      end(error);
    };
    const begin = () => {
      if (phase !== "running") return;
      if (wire.exclusive) {
        const same = [...streams, ...waiting.values()].filter(
          (r) => r.kind === "stream" && (r.event === event || names.some((name) => endpoint.streams[r.event]?.includes(name))),
        );
        if (same.some((r) => !r.cancelled)) return end(fault("a stream with the same event or items runs already", "busy", event));
        if (same.length) return void blocked.push(begin);
      }
      post(m, size);
    };
    return {
      next() {
        if (phase === "new") {
          phase = "running";
          if (s.signal?.aborted) end(fault("it was aborted", "aborted", event, s.signal.reason));
          else {
            unwatch = watch(s.signal, () => {
              items.length = 0;
              cancel(fault("it was aborted", "aborted", event, s.signal?.reason));
            });
            begin();
          }
        }
        if (items.length) return Promise.resolve({ value: items.shift(), done: false });
        if (phase !== "ended") return new Promise((resolve, reject) => readers.push({ resolve, reject }));
        const error = failure;
        failure = undefined;
        return error ? Promise.reject(error) : Promise.resolve(done);
      },
      return() {
        items.length = 0;
        failure = undefined;
        cancel();
        return Promise.resolve(done);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  };

  const client = {
    get state() {
      return state;
    },
    call,
    attempt: (event: string, data?: unknown, c?: CallOptions) =>
      call(event, data, c).then((value) => ({ ok: true, value }), (error: unknown) => {
        if (error instanceof GatehouseError) return { ok: false, error };
        throw error;
      }),
    failed: (event: string, error: unknown) => error instanceof GatehouseError && error.event === event,
    send,
    stream,
    on(event: string, listener: (data: unknown) => void) {
      const all = listeners.get(event) ?? new Set();
      const own = (data: unknown) => listener(data);
      listeners.set(event, all.add(own));
      return () => void (all.delete(own) && !all.size && listeners.delete(event));
    },
    answer(event: string, answerer: (data: unknown) => unknown) {
      answerers.set(event, answerer);
      return () => void (answerers.get(event) === answerer && answerers.delete(event));
    },
    other: { call, send },
    close: () => finish(),
  };
  void dial();
  return client as unknown as Client<S>;
}
