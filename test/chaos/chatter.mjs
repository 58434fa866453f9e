// npm's socket.io-client, sending numbered notes with acks until it is stopped,
// and reconnecting by itself. Controlled by lines, see ../js/lines.mjs.
import { io } from 'socket.io-client';
import { serve, writeLine } from '../js/lines.mjs';

const pause = 5; // ms between notes: the test is about networks, not load

const text = (n) => String.fromCharCode(97 + (n % 26)).repeat(n % 40 === 0 ? 20_000 : (n * 7919) % 1500);
const pad = (n) => (n % 3 === 0 ? Buffer.alloc((n * 31) % 700, n % 256) : undefined);

class Chatter {
  constructor({ client, url, opts, window }) {
    Object.assign(this, { client, window, n: 0, flying: 0, acked: 0, received: 0, running: true });
    const socket = (this.socket = io(url, {
      forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, query: { client }, ...opts,
    }));
    socket.on('connect', () => {
      this.acked = this.received = 0;
      writeLine({ client, connected: socket.io.engine.transport.name });
      socket.io.engine.on('upgrade', (transport) => writeLine({ client, upgraded: transport.name }));
    });
    socket.on('connect_error', (err) => socket.active || this.problem(`connect_error: ${err.message}`));
    socket.on('disconnect', (reason) => reason === 'io server disconnect' && this.problem(reason));
    socket.on('exception', (e) => this.problem(`exception: ${JSON.stringify(e)}`));
    socket.on('received', (n) => {
      if (n <= this.received) this.problem(`received ${n} after ${this.received}`);
      this.received = n;
    });
    this.ticker = setInterval(() => {
      if (this.running && socket.connected && this.flying < this.window) this.send(++this.n);
    }, pause);
  }

  problem(problem) {
    writeLine({ client: this.client, problem });
  }

  send(n) {
    const note = { client: this.client, n, text: text(n), pad: pad(n) };
    this.flying++;
    const connection = this.socket.id;
    this.socket.timeout(60_000).emit('put', note, (err, reply) => {
      this.flying--;
      if (err) {
        if (this.socket.connected && this.socket.id === connection) this.problem(`no ack of ${n}: ${err.message}`);
        return;
      }
      if (reply.n !== n || reply.text !== note.text || Buffer.compare(reply.pad ?? Buffer.alloc(0), note.pad ?? Buffer.alloc(0)))
        this.problem(`the ack of ${n} is of another note: ${JSON.stringify(reply).slice(0, 200)}`);
      if (n <= this.acked) this.problem(`ack of ${n} after that of ${this.acked}`);
      if (this.received < n) this.problem(`ack of ${n}, but the event before it has not arrived: ${this.received}`);
      this.acked = n;
      writeLine({ client: this.client, ack: n });
    });
  }

  hop() {
    this.socket.disconnect().connect();
  }

  // stop waits for pending acks.
  async stop() {
    this.running = false;
    for (const started = Date.now(); this.flying > 0; ) {
      if (Date.now() - started > 20_000) throw new Error(`${this.flying} notes have no ack`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.dispose();
  }

  dispose() {
    clearInterval(this.ticker);
    this.socket.disconnect();
  }
}

const chatters = new Map();

serve(
  {
    chat: (request) => void chatters.set(request.client, new Chatter(request)),
    hop: ({ client }) => chatters.get(client).hop(),
    stop: ({ client }) => chatters.get(client).stop(),
  },
  () => chatters.forEach((c) => c.dispose()),
);
