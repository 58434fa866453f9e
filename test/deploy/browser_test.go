package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// script has the functions of the page in the browser. Each returns what the application has of the client, and
// whether it has sent the binary back.
const script = `
const large = new Uint8Array(70000);
for (let i = 0; i < large.length; i += 10000) crypto.getRandomValues(large.subarray(i, i + 10000));
const equal = (a) => a.length === large.length && a.every((b, i) => b === large[i]);
async function socketIO(opts, want) {
  const socket = io({ path: '/chat/socket.io/', forceNew: true, ...opts });
  await new Promise((resolve, reject) => { socket.on('connect', resolve); socket.on('connect_error', reject); });
  const engine = socket.io.engine;
  if (engine.transport.name !== want) await new Promise((resolve) => engine.once('upgrade', resolve));
  const got = await socket.emitWithAck('client', null);
  const binary = equal(new Uint8Array(await socket.emitWithAck('binary', large)));
  const transport = engine.transport.name;
  socket.disconnect();
  return { ...got, binary, transport };
}
async function plain() {
  const socket = new WebSocket('wss://' + location.host + '/chat/frames');
  socket.binaryType = 'arraybuffer';
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('no connection')); });
  const call = (frame) => new Promise((resolve, reject) => {
    socket.onmessage = (m) => resolve(JSON.parse(new TextDecoder().decode(m.data)));
    socket.onclose = () => reject(new Error('closed'));
    socket.send(new TextEncoder().encode(JSON.stringify(frame)));
  });
  const got = (await call({ event: 'client', id: 1 })).data;
  const base64 = btoa(Array.from(large, (b) => String.fromCharCode(b)).join(''));
  const back = (await call({ event: 'binary', id: 2, data: base64 })).data;
  const binary = equal(Uint8Array.from(atob(back), (c) => c.charCodeAt(0)));
  socket.close();
  return { ...got, binary, transport: 'websocket' };
}
async function silent(ms) {
  const socket = new WebSocket('wss://' + location.host + '/chat/ws');
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('no connection')); });
  const arrived = await new Promise((resolve) => {
    socket.onmessage = () => resolve(true);
    socket.onclose = () => resolve(false);
    socket.send(JSON.stringify({ event: 'later', data: ms }));
  });
  socket.close();
  return arrived;
}
`

// TestBrowserOverHTTP2: a browser loads its page over HTTP/2, which every proxy of the page offers. It polls over the
// same, and opens WebSockets over the same or over HTTP/1.1, as the proxy's settings say; binary larger than a window of
// HTTP/2 passes both ways.
func TestBrowserOverHTTP2(t *testing.T) {
	library, err := os.ReadFile(filepath.Join(need.Packages(t), "node_modules", "socket.io-client", "dist", "socket.io.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	browser := browsertest.Start(t)
	for _, k := range kinds {
		t.Log(k.name) // no subtest: the browser is of this one
		overHTTP2(t, browser, k, string(library))
	}
}

func overHTTP2(t *testing.T, browser *browsertest.Browser, k kind, library string) {
	t.Helper()
	b, p := startBackend(t, true, false, websockets.Limits{PingInterval: 500 * time.Millisecond})
	p.timeout = seconds(idle)
	b.write(t, "index.html", `<!doctype html><title>page</title><link rel="icon" href="data:,"><script src="socket.io.js"></script><script>`+script+`</script>`)
	b.write(t, "socket.io.js", library)
	x := k.run(t, p)
	page := browser.OpenUntrusted(x.url + "/chat/page/")
	defer page.Close()
	over := "HTTP/1.1"
	if k.h2 {
		over = "HTTP/2.0"
	}
	for call, want := range map[string]struct{ transport, handshake string }{
		"plain()": {"websocket", over},
		"socketIO({transports: ['polling']}, 'polling')":     {"polling", "HTTP/2.0"},
		"socketIO({transports: ['websocket']}, 'websocket')": {"websocket", over},
		"socketIO({}, 'websocket')":                          {"websocket", "HTTP/2.0"},
	} {
		var got struct {
			client

			Binary    bool
			Transport string
		}
		if err := json.Unmarshal(page.Eval(call), &got); err != nil {
			t.Fatal(err)
		}
		if !got.Binary || got.Transport != want.transport || got.Protocol != want.handshake || got.Address != "127.0.0.1" {
			t.Errorf("%s: %+v, want %+v", call, got, want)
		}
	}
	for _, want := range []string{"/page/ HTTP/2.0", "polling HTTP/2.0", "websocket " + over} {
		if !b.requested(want) {
			t.Errorf("no request for %s", want)
		}
	}
	if !k.h2 {
		return // TestSilence is over HTTP/1.1
	}
	if got := string(page.Eval(fmt.Sprintf("silent(%d)", silence.Milliseconds()))); got != "true" {
		t.Error("a silent WebSocket was closed")
	}
}
