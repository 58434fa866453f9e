package authentication

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// site serves a page and the client of Socket.IO.
type site struct{ files fstest.MapFS }

func (s *site) Routes(r chi.Router) { web.Static(r, "/", s.files) }

// blocks are those in JavaScript, of the page.
func blocks(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../../authentication.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, after := range strings.Split(string(page), "```js\n")[1:] {
		code, _, _ := strings.Cut(after, "```")
		code = strings.ReplaceAll(code, "wss://", "ws://")
		out = append(out, strings.ReplaceAll(code, `import { io } from "socket.io-client";`, `const { io } = await import("/socket.io.js");`))
	}
	if len(out) != 5 {
		t.Fatalf("%d blocks in JavaScript, want 5", len(out))
	}
	return out
}

const overWebSocket = `
	return await new Promise((resolve, reject) => {
		socket.onmessage = ({ data }) => resolve(JSON.parse(data).data);
		socket.onerror = () => reject(new Error("rejected"));
		socket.onopen = () => socket.send('{"event":"whoami","id":1}');
	});`

// The code for browsers of the page, in a browser.
func TestBrowser(t *testing.T) {
	client, err := os.ReadFile(need.Packages(t) + "/node_modules/socket.io-client/dist/socket.io.esm.min.js")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>t</title>")}, "socket.io.js": {Data: client}}
	pages := module.New("site", module.Imports(Module), module.Controllers(func() *site { return &site{files} }))
	a := start(t, pages, 3*time.Second)
	b := browsertest.Start(t)
	js := blocks(t)
	signIn, header, auth, subprotocol, cookie := js[0], js[1], js[2], js[3], js[4]
	setup := signIn + `
		let token = await signIn("ada", "engine");
		const first = token, name = "ada", password = "engine";
		const newToken = () => signIn(name, password);`

	for name, code := range map[string]string{
		"header": setup + header + "return await me.json();",
		"auth": setup + auth + `
			while (token === first) await new Promise((later) => setTimeout(later, 50)); // until it is renewed
			return await socket.emitWithAck("whoami");`,
		"subprotocol": setup + subprotocol + overWebSocket,
		"cookie":      setup + cookie + overWebSocket,
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(b.Open(a.URL() + "/").Eval("(async () => {" + code + "})()")); got != `"ada"` {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("cookie, over Socket.IO and on a route", func(t *testing.T) {
		got := b.Open(a.URL() + "/").Eval("(async () => {" + setup + cookie + `
			const { io } = await import("/socket.io.js");
			const route = await (await fetch("/me")).json();
			return route + " " + await io().emitWithAck("whoami");
		})()`)
		if string(got) != `"ada ada"` {
			t.Errorf("got %s", got)
		}
	})
	t.Run("the end of a token", func(t *testing.T) {
		got := b.Open(a.URL() + "/").Eval("(async () => {" + setup + subprotocol + `
			return await new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
		})()`)
		if string(got) != "4401" {
			t.Errorf("got %s", got)
		}
	})
}
