import type { Message, Presence, Room } from "../../../api/client.js";
import { connect, hasSocketIO, type Connection, type Platform } from "./connection.js";
import { textOf } from "./failure.js";
import { login, logout, me, refresh, token } from "./login.js";

const $ = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const input = (id: string) => $<HTMLInputElement>(id);
const stored = (key: string): string => sessionStorage.getItem(key) ?? "";

let connection: Connection | null = null; // null until we have logged in
let currentRoom: { room: string } | null = null; // joined, or to join again after a reconnect

// All text of users goes through textContent: it is never HTML.
const element = (tag: string, text: string, className = ""): HTMLElement => {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
};

/** Keeps the list scrolled to the end if it was. */
const keepScrolled = (change: (list: HTMLElement) => void): void => {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  change(list);
  if (atEnd) list.scrollTop = list.scrollHeight;
};

const say = (text: string): void => keepScrolled(() => { $("error").textContent = text; });
const fail = (error: unknown): void => say(textOf(error));

const show = (item: HTMLElement): void => keepScrolled((list) => {
  list.append(item);
  while (list.children.length > 500) list.firstElementChild?.remove();
});

const showMembers = (members: string[]): void => {
  $("count").textContent = `(${members.length})`;
  $("members").replaceChildren(...members.map((name) => element("li", name)));
};

/** Shows one of: login, enter (a room), chat. */
const showView = (): void => {
  const inside = connection !== null;
  $("login").hidden = inside;
  $("state").hidden = $("platform").hidden = $("me").hidden = !inside;
  $("enter").hidden = !inside || currentRoom !== null;
  $("chat").hidden = currentRoom === null;
  $("who").textContent = me();
  $("title").textContent = currentRoom === null ? "" : `# ${currentRoom.room}`;
  $(!inside ? "name" : currentRoom === null ? "room" : "text").focus();
};

const showState = (name: "open" | "waiting", text: string): void => {
  $("state").textContent = text;
  $("state").dataset["state"] = name;
  input("join").disabled = input("send").disabled = name !== "open";
};

const showMessage = ({ name, text, at }: Message): void => {
  const item = element("li", "", name === me() ? "own" : "");
  const time = element("time", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })) as HTMLTimeElement;
  time.dateTime = at;
  item.append(element("b", name), element("span", text), time);
  show(item);
};

const showPresence = ({ room, name }: Presence, what: string): void => {
  if (room === currentRoom?.room) show(element("li", `${name} ${what}`, "event"));
};

/** Closes the connection. Nothing of it counts after that. */
const disconnect = (): void => {
  const old = connection;
  connection = null;
  old?.close();
};

const open = (): void => {
  disconnect();
  showState("waiting", "Connecting…");
  let mine: Connection | undefined; // undefined while connect runs
  const ours = <A extends unknown[]>(f: (...args: A) => void) => (...args: A) => {
    if (mine === undefined || mine === connection) f(...args);
  };
  const platform = document.querySelector<HTMLInputElement>("[name=platform]:checked")?.value as Platform;
  mine = connect(platform, {
    state: ours((name, text) => {
      showState(name, text);
      if (name === "open" && currentRoom !== null) connection?.call("join", currentRoom).catch(fail);
    }),
    denied: ours(() => leave("Your login has expired. Please log in again.")),
    ended: ours(() => leave("The server has closed the connection. Please log in again.")),
    failed: ours(fail),
  });
  connection = mine;
  mine.on("node", ours((name) => { $("state").textContent += ` to ${name}`; }));
  mine.on("message", ours(showMessage));
  mine.on("members", ours(({ room, members }: Room) => {
    if (room === currentRoom?.room) showMembers(members);
  }));
  mine.on("joined", ours((p) => showPresence(p, "joined")));
  mine.on("left", ours((p) => showPresence(p, "left")));
  // Without a new token in time the server disconnects us.
  mine.on("token_expiring", ours(() => {
    refresh().then(() => connection?.call("token", token())).catch(fail);
  }));
};

/** Returns to the login. */
const leave = (why: string): void => {
  disconnect();
  currentRoom = null;
  logout();
  $("messages").replaceChildren();
  say(why);
  showView();
};

/** Clears the last error. It ignores errors of a connection that was replaced meanwhile: its reason is already shown. */
const onSubmit = (id: string, f: () => Promise<void>): void => $(id).addEventListener("submit", (e) => {
  e.preventDefault();
  say("");
  const before = connection;
  f().catch((error) => { if (before === connection) fail(error); });
});

onSubmit("login", async () => {
  await login(input("name").value);
  open();
  showView();
});

onSubmit("enter", async () => {
  currentRoom = { room: input("room").value.trim() };
  try {
    await connection?.call("join", currentRoom);
    sessionStorage.setItem("room", currentRoom.room);
  } catch (error) {
    currentRoom = null;
    throw error;
  } finally {
    showView();
  }
});

onSubmit("talk", async () => {
  const text = input("text").value;
  input("text").value = "";
  try {
    await connection?.call("say", { text });
  } catch (error) {
    input("text").value ||= text; // keep it for another try
    throw error;
  }
});

$("leave").addEventListener("click", () => {
  currentRoom = null;
  $("messages").replaceChildren();
  say("");
  showView();
  if (connection?.state === "open") connection.call("leave").catch(fail); // otherwise the room is left already
});

$("logout").addEventListener("click", () => leave(""));

$("platform").addEventListener("change", (e) => {
  sessionStorage.setItem("platform", (e.target as HTMLInputElement).value);
  open();
});

input("room").value = stored("room") || "lobby";
input("name").value = me();
const choice = (platform: Platform) => document.querySelector<HTMLInputElement>(`[name=platform][value=${platform}]`)!;
if (hasSocketIO()) $("note").hidden = true;
else {
  choice("socketio").disabled = true;
  $("note").textContent = "The Socket.IO client is missing: run “scripts/setup page” and build again. Plain WebSocket works.";
}
choice(hasSocketIO() && stored("platform") !== "ws" ? "socketio" : "ws").checked = true;
if (token() !== "") open();
$("main").hidden = false;
showView();
