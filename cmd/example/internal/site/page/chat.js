import { failure } from './failure.js';
import { login, logout, me, refresh, token } from './login.js';
import { hasSocketIO, plain, socketIO } from './transports.js';

const $ = (id) => document.getElementById(id);
const stored = (key) => sessionStorage.getItem(key) ?? '';

let connection = null; // null until we have logged in
let currentRoom = null; // {room} joined, or to join again after a reconnect

// All text of users goes through textContent: it is never HTML.
const element = (tag, text, className = '') => {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
};

// keepScrolled keeps the list scrolled to the end if it was.
const keepScrolled = (change) => {
  const list = $('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  change(list);
  if (atEnd) list.scrollTop = list.scrollHeight;
};

const say = (text) => keepScrolled(() => { $('error').textContent = text; });
const fail = (error) => say(error.message);

const show = (item) => keepScrolled((list) => {
  list.append(item);
  while (list.children.length > 500) list.firstChild.remove();
});

const showMembers = (members) => {
  $('count').textContent = `(${members.length})`;
  $('members').replaceChildren(...members.map((name) => element('li', name)));
};

// Shows one of: login, enter (a room), chat.
const showView = () => {
  const inside = connection !== null;
  $('login').hidden = inside;
  $('state').hidden = $('platform').hidden = $('me').hidden = !inside;
  $('enter').hidden = !inside || currentRoom !== null;
  $('chat').hidden = currentRoom === null;
  $('who').textContent = me();
  $('title').textContent = currentRoom === null ? '' : `# ${currentRoom.room}`;
  $(!inside ? 'name' : currentRoom === null ? 'room' : 'text').focus();
};

const events = {
  node(name) {
    $('state').textContent += ` to ${name}`;
  },
  message({ name, text, at }) {
    const item = element('li', '', name === me() ? 'own' : '');
    const time = element('time', new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    time.dateTime = at;
    item.append(element('b', name), element('span', text), time);
    show(item);
  },
  members({ room, members }) {
    if (room === currentRoom?.room) showMembers(members);
  },
  joined({ room, name }) {
    if (room !== currentRoom?.room) return;
    show(element('li', `${name} joined`, 'event'));
  },
  left({ room, name }) {
    if (room !== currentRoom?.room) return;
    show(element('li', `${name} left`, 'event'));
  },
  // Without a new token in time the server disconnects us.
  token_expiring: () => refresh().then(() => connection?.call('token', token())).catch(fail),
  exception: (answer) => fail(failure(answer)),
};

const connect = () => {
  connection?.close();
  $('state').textContent = 'Connecting…';
  $('state').dataset.state = 'waiting';
  $('join').disabled = $('send').disabled = true;
  let current = null;
  const listener = {
    state(name, text) {
      if (current !== connection) return;
      $('state').textContent = text;
      $('state').dataset.state = name;
      $('join').disabled = $('send').disabled = name !== 'open';
      if (name === 'open' && currentRoom !== null) connection.call('join', currentRoom).catch(fail);
    },
    event(name, data) {
      if (current === connection) events[name]?.(data);
    },
    denied() {
      if (current === connection) leave('Your login has expired. Please log in again.');
    },
  };
  const platform = document.querySelector('[name=platform]:checked').value;
  connection = current = (platform === 'ws' ? plain : socketIO)(listener);
};

// leave returns to the login.
const leave = (why) => {
  connection.close();
  connection = currentRoom = null;
  logout();
  $('messages').replaceChildren();
  say(why);
  showView();
};

// onSubmit clears the last error. It ignores errors of a connection that was replaced
// meanwhile: its reason is already shown.
const onSubmit = (id, f) => $(id).addEventListener('submit', (e) => {
  e.preventDefault();
  say('');
  const before = connection;
  f().catch((error) => { if (before === connection) fail(error); });
});

onSubmit('login', async () => {
  await login($('name').value);
  connect();
  showView();
});

onSubmit('enter', async () => {
  currentRoom = { room: $('room').value.trim() };
  try {
    await connection.call('join', currentRoom);
    sessionStorage.setItem('room', currentRoom.room);
  } catch (error) {
    currentRoom = null;
    throw error;
  } finally {
    showView();
  }
});

onSubmit('talk', async () => {
  const text = $('text').value;
  $('text').value = '';
  try {
    await connection.call('say', { text });
  } catch (error) {
    $('text').value ||= text; // keep it for another try
    throw error;
  }
});

$('leave').addEventListener('click', () => {
  currentRoom = null;
  $('messages').replaceChildren();
  say('');
  showView();
  connection.call('leave').catch(() => {}); // without a connection the room is left already
});

$('logout').addEventListener('click', () => leave(''));

$('platform').addEventListener('change', (e) => {
  sessionStorage.setItem('platform', e.target.value);
  connect();
});

$('room').value = stored('room') || 'lobby';
$('name').value = me();
if (!hasSocketIO()) {
  document.querySelector('[name=platform][value=socketio]').disabled = true;
  $('note').textContent = 'The Socket.IO client is missing: run “scripts/setup page” and build again. Plain WebSocket works.';
  $('note').hidden = false;
}
const platform = hasSocketIO() && stored('platform') !== 'ws' ? 'socketio' : 'ws';
document.querySelector(`[name=platform][value=${platform}]`).checked = true;
if (token() !== '') connect();
showView();
