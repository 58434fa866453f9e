import { hasSocketIO, plain, socketIO } from './transports.js';

const $ = (id) => document.getElementById(id);
const stored = (key) => sessionStorage.getItem(key) ?? '';

let connection;
let seat = null; // {room, name} that we are in, or want back after a reconnect

// All text of users goes through textContent: it is never HTML.
const element = (tag, text, className = '') => {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
};

const fail = (error) => { $('error').textContent = error.message; };

const show = (item) => {
  const list = $('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  while (list.children.length > 500) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
};

const showMembers = (members) => {
  $('count').textContent = `(${members.length})`;
  $('members').replaceChildren(...members.map((name) => element('li', name)));
};

const showSeat = () => {
  $('door').hidden = seat !== null;
  $('chat').hidden = seat === null;
  $('title').textContent = seat === null ? '' : `# ${seat.room}`;
  $(seat === null ? 'name' : 'text').focus();
};

const events = {
  message({ name, text, at }) {
    const item = element('li', '', name === seat?.name ? 'own' : '');
    const time = element('time', new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    time.dateTime = at;
    item.append(element('b', name), element('span', text), time);
    show(item);
  },
  joined({ room, name, members }) {
    if (room !== seat?.room) return;
    showMembers(members);
    show(element('li', `${name} joined`, 'event'));
  },
  left({ room, name, members }) {
    if (room !== seat?.room) return;
    showMembers(members);
    show(element('li', `${name} left`, 'event'));
  },
  exception: fail,
};

const connect = (platform) => {
  connection?.close();
  $('state').textContent = 'Connecting…';
  $('state').dataset.state = 'waiting';
  let current;
  const listener = {
    state(name, text) {
      if (current !== connection) return;
      $('state').textContent = text;
      $('state').dataset.state = name;
      $('join').disabled = $('send').disabled = name !== 'open';
      if (name === 'open' && seat !== null) connection.call('join', seat).catch(fail);
    },
    event(name, data) {
      if (current === connection) events[name]?.(data);
    },
  };
  $('join').disabled = $('send').disabled = true;
  connection = current = (platform === 'ws' ? plain : socketIO)(listener);
};

$('door').addEventListener('submit', async (e) => {
  e.preventDefault();
  $('error').textContent = '';
  seat = { room: $('room').value.trim(), name: $('name').value.trim() };
  try {
    await connection.call('join', seat);
    sessionStorage.setItem('name', seat.name);
    sessionStorage.setItem('room', seat.room);
  } catch (error) {
    seat = null;
    fail(error);
  }
  showSeat();
});

$('talk').addEventListener('submit', async (e) => {
  e.preventDefault();
  $('error').textContent = '';
  const text = $('text').value;
  $('text').value = '';
  try {
    await connection.call('say', { text });
  } catch (error) {
    $('text').value ||= text; // so that it is not lost
    fail(error);
  }
});

$('leave').addEventListener('click', () => {
  seat = null;
  $('messages').replaceChildren();
  $('error').textContent = '';
  showSeat();
  connection.call('leave').catch(() => {}); // without a connection we have left already
});

$('platform').addEventListener('change', (e) => {
  sessionStorage.setItem('platform', e.target.value);
  connect(e.target.value);
});

const choose = (platform) => {
  document.querySelector(`[name=platform][value=${platform}]`).checked = true;
  connect(platform);
};

$('room').value = stored('room') || 'lobby';
$('name').value = stored('name');
if (hasSocketIO()) {
  choose(stored('platform') === 'ws' ? 'ws' : 'socketio');
} else {
  document.querySelector('[name=platform][value=socketio]').disabled = true;
  $('note').textContent = 'The Socket.IO client is not there: run “scripts/setup page” and build again. Plain WebSocket works.';
  $('note').hidden = false;
  choose('ws');
}
