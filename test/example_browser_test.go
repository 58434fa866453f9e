package test_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/need"
)

func TestExamplePage(t *testing.T) {
	program := buildExample(t)
	t.Run("both platforms", func(t *testing.T) { pageOnBoth(t, program) })
	t.Run("without Socket.IO", func(t *testing.T) { pageWithoutSocketIO(t, program) })
}

// pageOnBoth: two people talk in a room, one over each platform.
func pageOnBoth(t *testing.T, program string) {
	_, err := os.Stat(filepath.Join(need.Root(t), "cmd", "example", "page", "vendor", "socket.io.min.js"))
	need.Met(t, err)
	b := browsertest.Start(t)
	e := start(t, program)

	ann, bob := b.Open(e.url+"/"), b.Open(e.url+"/")
	ann.WaitText("#state", "Connected over Socket.IO")
	bob.Click("label:has([value=ws])")
	bob.WaitText("#state", "Connected over plain WebSocket")

	enter(ann, "Ann")
	enter(bob, "Bob")
	ann.WaitText("#members", "Bob")
	bob.WaitText("#members", "Ann")
	ann.WaitText("#count", "(2)")

	ann.Fill("#text", "Hello Bob <img src=x onerror=alert(1)>")
	ann.Press("#text", "Enter")
	bob.WaitText("#messages li:not(.own)", "Hello Bob <img")
	ann.WaitText("#messages li.own", "Hello Bob <img")
	bob.Fill("#text", "Hello Ann, how is the tea?")
	bob.Click("#send")
	ann.WaitText("#messages li:not(.own)", "how is the tea?")
	ann.Screenshot(filepath.Join(screenshots(t), "chat.png"))

	ann.Click("label:has([value=ws])") // keeps the seat
	ann.WaitText("#state", "Connected over plain WebSocket")
	bob.WaitText("#messages li:last-child", "Ann joined")
	ann.Fill("#text", "still here")
	ann.Click("#send")
	bob.WaitText("#messages", "still here")

	bob.Click("#leave")
	bob.WaitText("#join", "Join")
	ann.WaitText("#messages", "Bob left")
	bob.Screenshot(filepath.Join(screenshots(t), "door.png"))

	e.stop()
	ann.WaitText("#state", "again") // and again
}

// pageWithoutSocketIO is what a browser shows that could not load
// the client of Socket.IO.
func pageWithoutSocketIO(t *testing.T, program string) {
	b := browsertest.Start(t)
	e := start(t, program, "-platform", "ws")
	p := b.Open(e.url + "/style.css") // same origin, no scripts
	p.Eval(`fetch('/').then((r) => r.text()).then((html) => {
		const page = new DOMParser().parseFromString(html, 'text/html');
		page.querySelector('script[src^=vendor]').remove();
		document.documentElement.replaceWith(document.adoptNode(page.documentElement));
		return import('/chat.js').then(() => null);
	})`)
	p.WaitText("#note", "Plain WebSocket works")
	p.WaitText("#state", "Connected over plain WebSocket")
	enter(p, "Ann")
	p.WaitText("#members", "Ann")
}

func enter(p *browsertest.Page, name string) {
	p.Fill("#room", "tea")
	p.Fill("#name", name)
	p.Click("#join")
	p.WaitText("#title", "# tea")
}

// screenshots is where pictures are left for people: $SCREENSHOTS when it is set.
func screenshots(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}
