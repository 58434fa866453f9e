// Options of the client: with each of them everything passes both ways, as on Node's server.
import { blob, call, equal, once } from './matrix-kit.mjs';

const given = (name, opts, also = async () => {}) => ({
  name,
  async run(t) {
    const ns = t.ns();
    const other = await t.connect(ns);
    const c = await t.connect(ns, opts);
    equal(await call(c, 'echo', 'text ✓'), 'text ✓');
    equal(await call(c, 'echo', { list: [blob(300), 'between', blob(3, 9)] }), { list: [blob(300), 'between', blob(3, 9)] });
    for (const data of ['to all', blob(2000), { deep: [blob(5)] }]) {
      const both = Promise.all([once(c, 'news'), once(other, 'news')]);
      await call(other, 'cast', { event: 'news', data });
      equal(await both, [[data], [data]]);
    }
    await also(t, c);
  },
});

export default [
  given('forceBase64', { forceBase64: true }),
  given('query', { query: { token: 'a b&c', '': 'x', n: 1 } }),
  given('auth is a function', { auth: (done) => done({ token: 'x' }) }),
  given('timestampRequests off', { timestampRequests: false }),
  given('timestampRequests on, another timestampParam', { timestampRequests: true, timestampParam: 'stamp' }),
  given('upgrade off', { upgrade: false }),
  given('rememberUpgrade', { rememberUpgrade: true }),
  given('tryAllTransports', { tryAllTransports: true }),
  given('extraHeaders', { extraHeaders: { 'X-Custom': 'yes' } }),
  given('withCredentials', { withCredentials: true }),
  given('requestTimeout', { requestTimeout: 5000 }),
  given('perMessageDeflate', { perMessageDeflate: { threshold: 0 } }),
  given('protocols', { protocols: ['chat.v1'] }),
  given('closeOnBeforeunload', { closeOnBeforeunload: true }),
  given('retries and ackTimeout', { retries: 2, ackTimeout: 5000 }),
  given('multiplex', { forceNew: false, multiplex: true }),
  given('transportOptions', { transportOptions: { polling: { extraHeaders: { 'X-A': '1' } }, websocket: { extraHeaders: { 'X-A': '1' } } } }),
];
