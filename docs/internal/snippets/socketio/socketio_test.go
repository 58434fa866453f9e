package main

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

func TestRecovery(t *testing.T) {
	a := apptest.New(t, Recovering, apptest.With(app.WebSockets(socketio.New())))
	c := nodetest.Start(t).SocketIO(a.URL(), nodetest.Opts{"transports": []string{"websocket"}})
	if got := nodetest.Expect[string](c, "hello"); got != "Welcome" {
		t.Errorf("got %q", got)
	}
	c.Cut()
	c.ExpectEnd()
	a.DialSocketIO("/").Call("publish", "the news")
	c.Reconnect()
	if !c.Recovered() {
		t.Error("not recovered")
	}
	if got := nodetest.Expect[string](c, "updated"); got != "the news" {
		t.Errorf("got %q", got)
	}
	c.ExpectNone("hello", func() { c.Call("transport") })
}

func TestMessagePack(t *testing.T) {
	a := apptest.New(t, Packed, apptest.With(app.WebSockets(socketio.New())))
	c := nodetest.Start(t).SocketIO(a.URL(), nodetest.Opts{"parser": "msgpack"})
	c.AwaitTransport("websocket")
	if got := nodetest.Call[string](c, "transport"); got != "websocket" {
		t.Errorf("got %q", got)
	}
}

func TestCookie(t *testing.T) {
	a := apptest.New(t, Sticky, apptest.With(app.WebSockets(socketio.New())))
	url := a.URL() + "/socket.io/?EIO=4&transport=polling"
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "io" || !cookies[0].HttpOnly || !cookies[0].Secure {
		t.Fatalf("got %v", cookies)
	}
	// The value is the session: it can be closed with it.
	res, err = http.Post(url+"&sid="+cookies[0].Value, "text/plain", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// The page has every option, and no other.
func TestEveryOptionIsListed(t *testing.T) {
	text, err := os.ReadFile("../../../socketio.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## Options of `socketio.Options`\n")
	table, _, ended := strings.Cut(table, "\n## ")
	if !found || !ended {
		t.Fatal("docs/socketio.md has no such table")
	}
	want := map[string]bool{}
	var add func(prefix string, typ reflect.Type)
	add = func(prefix string, typ reflect.Type) {
		for f := range typ.Fields() {
			if under := f.Type; under.Kind() == reflect.Struct {
				add(prefix+f.Name+".", under)
			} else {
				want[prefix+f.Name] = true
			}
		}
	}
	add("", reflect.TypeFor[socketio.Options]())
	add("Recovery.", reflect.TypeFor[socketio.Recovery]())
	for name := range want {
		if !strings.Contains(table, "| `"+name+"` |") {
			t.Errorf("Options.%s is not listed", name)
		}
	}
	for line := range strings.Lines(table) {
		if name, isRow := strings.CutPrefix(line, "| `"); isRow {
			if name, _, _ = strings.Cut(name, "`"); !want[name] {
				t.Errorf("%s is listed, but there is no such option", name)
			}
		}
	}
}

var nodeOption = regexp.MustCompile(`(?m)^    +(\w+)\??: `)

// The page lists every option that npm's server has.
func TestEveryOptionOfNodeIsListed(t *testing.T) {
	page, err := os.ReadFile("../../../socketio.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for file, interfaces := range map[string][]string{
		"socket.io/dist/index.d.ts":   {"ServerOptions"},
		"engine.io/build/server.d.ts": {"ServerOptions", "AttachOptions"},
	} {
		types, err := os.ReadFile(filepath.Join(need.Packages(t), "node_modules", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range interfaces {
			_, body, found := strings.Cut(string(types), "interface "+name+" ")
			body, _, ended := strings.Cut(body, "\n}")
			if !found || !ended {
				t.Fatalf("%s has no %s", file, name)
			}
			for _, m := range nodeOption.FindAllStringSubmatch(body, -1) {
				listed++
				if !strings.Contains(string(page), "`"+m[1]+"`") && !strings.Contains(string(page), "."+m[1]+"`") {
					t.Errorf("%s of %s in %s is not listed", m[1], name, file)
				}
			}
		}
	}
	if listed < 25 {
		t.Errorf("only %d options were found", listed)
	}
}
