// npm's socket.io-client, sending numbered notes with acks for as long as it is
// told to, through whatever happens to the connection. Driven by lines, see
// ../js/lines.mjs.
import { io } from 'socket.io-client';
import { serve, writeLine } from '../js/lines.mjs';

const pause = 5; // ms between notes: weather is the subject here, not load

const text = (n) => String.fromCharCode(97 + (n % 26)).repeat(n % 40 === 0 ? 20_000 : (n * 7919) % 1500);
const pad = (n) => (n % 3 === 0 ? Buffer.alloc((n * 31) % 700, n % 256) : undefined);

class Chatter {
  constructor({ client, url, opts, window }) {
    Object.assign(this, { client, window, n: 0, flying: 0, acked: 0, heard: 0, running: true });
    const socket = (this.socket = io(url, {
      forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, query: { who: client }, ...opts,
    }));
    socket.on('connect', () => {
      this.acked = this.heard = 0;
      writeLine({ client, connected: socket.io.engine.transport.name });
      socket.io.engine.on('upgrade', (transport) => writeLine({ client, upgraded: transport.name }));
    });
    socket.on('connect_error', (err) => socket.active || this.problem(`connect_error: ${err.message}`));
    socket.on('disconnect', (reason) => reason === 'io server disconnect' && this.problem(reason));
    socket.on('exception', (e) => this.problem(`exception: ${JSON.stringify(e)}`));
    socket.on('heard', (n) => {
      if (n <= this.heard) this.problem(`heard ${n} after ${this.heard}`);
      this.heard = n;
    });
    this.ticker = setInterval(() => {
      if (this.running && socket.connected && this.flying < this.window) this.send(++this.n);
    }, pause);
  }

  problem(problem) {
    writeLine({ client: this.client, problem });
  }

  send(n) {
    const note = { who: this.client, n, text: text(n), pad: pad(n) };
    this.flying++;
    const connection = this.socket.id;
    this.socket.timeout(60_000).emit('put', note, (err, reply) => {
      this.flying--;
      if (err) {
        if (this.socket.connected && this.socket.id === connection) this.problem(`no ack of ${n}: ${err.message}`);
        return;
      }
      if (reply.n !== n || reply.text !== note.text || Buffer.compare(reply.pad ?? Buffer.alloc(0), note.pad ?? Buffer.alloc(0)))
        this.problem(`the ack of ${n} is another's: ${JSON.stringify(reply).slice(0, 200)}`);
      if (n <= this.acked) this.problem(`ack of ${n} after that of ${this.acked}`);
      if (this.heard < n) this.problem(`ack of ${n}, and what was emitted before it has not come: ${this.heard}`);
      this.acked = n;
      writeLine({ client: this.client, ack: n });
    });
  }

  hop() {
    this.socket.disconnect().connect();
  }

  // stop waits for what is on its way.
  async stop() {
    this.running = false;
    for (const began = Date.now(); this.flying > 0; ) {
      if (Date.now() - began > 20_000) throw new Error(`${this.flying} notes have no ack`);
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
