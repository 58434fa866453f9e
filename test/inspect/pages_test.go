package inspect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// open opens the page, and fails the test if it asks for anything elsewhere or has an error in its console.
func open(t *testing.T, b *browsertest.Browser, page string) *browsertest.Page {
	t.Helper()
	p := b.Open(page)
	p.WaitText("#state", "live")
	at, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, line := range p.Console() {
			kind, text, _ := strings.Cut(line, ": ")
			if kind == "request" && !strings.Contains(text, "//"+at.Host+"/") {
				t.Errorf("a request elsewhere: %s", text)
			}
			if (kind == "error" || kind == "failed") && !strings.Contains(text, "404") { // a client that has left
				t.Errorf("console: %s", line)
			}
		}
	})
	return p
}

// show goes to a page.
func show(p *browsertest.Page, name, title string) {
	p.Eval("location.hash = '#/" + name + "'")
	p.WaitText("h2", title)
}

// Every page, in a browser that reaches nothing else.
func TestPages(t *testing.T) {
	b := browsertest.Start(t)
	a, page := start(t)
	all := clients(t, a, 4)
	p := open(t, b, page)
	if got := string(p.Eval("location.hash + document.cookie")); got != `"#/overview"` {
		t.Errorf("the token or the cookie is to be seen: %s", got)
	}
	p.WaitText(".card", "socketio /socket.io/ /chat")

	show(p, "modules", "Modules")
	p.WaitText("svg .box", "storage")
	p.Eval("[...document.querySelectorAll('.box')].find((el) => el.textContent.includes('storage')).focus()")
	p.Press(".box:focus", "Enter")
	p.WaitText("section h3", "storage")
	p.WaitText("section td", "inspect_test.newStore")

	show(p, "gateways", "Gateways")
	p.WaitText("td", "room_full")
	p.WaitText("td", "inspect_test.Post")
	show(p, "routes", "Routes")
	p.WaitText("td", "/rooms/{room}/members")
	show(p, "rooms", "Rooms")
	p.WaitText("td", "coffee")
	p.Fill("#search", "tea")
	p.WaitText(".lead", "2 rooms")

	messagesPage(p, func() {
		all[0].Call("echo", "one")
		all[1].CallError("join", "full")
	})
	all[1].Call("join", "tea")
	sendPage(t, p, func() string { return string(all[1].ExpectMessage("posted").Data) })
	clientPage(p, all[1].ID())
	all[1].ExpectClose()
}

func messagesPage(p *browsertest.Page, say func()) {
	show(p, "messages", "Messages")
	say()
	p.WaitText("#log li", "echo")
	p.WaitText("#log li.bad", "Room is full")
	p.Fill("#filter", "event:join error")
	p.WaitText("#count", "1 shown")
	p.WaitText("#log li", "room_full")
	p.Click("#pause")
	p.WaitText("#count", "paused")
	say()
	p.Click("#pause")
	p.WaitText("#count", "2 shown")
	p.Eval("fetch(document.querySelector('#export').href).then((r) => r.text()).then((text) => { if (text.trim().split('\\n').map(JSON.parse).length !== 2) throw new Error(text); })")
}

// sendPage sends as a client, on both platforms, and as the server.
func sendPage(t *testing.T, p *browsertest.Page, receive func() string) {
	t.Helper()
	show(p, "send", "Send")
	for n, platform := range []string{"ws", "socketio"} {
		p.Eval("{ const el = document.querySelector('#endpoint'); el.value = '" + string(rune('0'+n)) + "'; el.dispatchEvent(new Event('change')); }")
		if platform == "ws" {
			p.Fill("label:has-text('room') input", "tea")
		}
		p.Click("#connect")
		p.WaitText("#transcript li", "open")
		p.Eval("{ const el = document.querySelector('#event'); el.value = '1'; el.dispatchEvent(new Event('change')); }") // post
		p.Fill("fieldset label:has-text('text') input", "from "+platform)
		p.Fill("fieldset label:has-text('stars') input", "4")
		p.Fill("fieldset label:has-text('room') input", "tea")
		p.Click("#send")
		p.WaitText("#transcript li", "answer")
		p.WaitText("#transcript li", "true")
		if got := receive(); !strings.Contains(got, `"text":"from `+platform+`"`) || !strings.Contains(got, `"stars":4`) {
			t.Errorf("%s: received %s", platform, got)
		}
		p.Eval("{ const el = document.querySelector('#event'); el.value = '0'; el.dispatchEvent(new Event('change')); }") // join
		p.Fill("#client-json", `"full"`)
		p.Click("#send")
		p.WaitText("#transcript li.bad", "room_full")
		p.Click("#connect")
		p.WaitText("#transcript li", "closed")
	}
	p.Fill("#server-event", "posted")
	p.Press("#server-event", "Tab")
	p.Fill("#server-json", `{"text":"from the server"}`)
	p.Click("#emit")
	p.WaitText("#emitted", "sent to 4 clients")
	if got := receive(); !strings.Contains(got, "from the server") {
		t.Errorf("received %s", got)
	}
}

// clientPage has a client join a room, leave it, and disconnects it.
func clientPage(p *browsertest.Page, id string) {
	show(p, "clients", "Clients")
	p.Fill("#search", id)
	p.WaitText(".lead", "1 of 4 clients")
	p.Click("td a[href*='" + id + "']")
	p.WaitText("h2", id)
	p.WaitText("tr", "user")
	p.Fill("#room", "kitchen")
	p.Click("#join")
	p.WaitText("tr", "kitchen")
	p.Click("#leave")
	p.WaitText("[role=status]", "leave: done")
	p.Click("#disconnect")
	p.WaitText(".note", "No such client")
}

// A page of a start before says what to do.
func TestRestart(t *testing.T) {
	b, at := browsertest.Start(t), app.HTTP(testkit.FreeAddress(t))
	var p *browsertest.Page
	t.Run("before", func(t *testing.T) {
		_, page := start(t, at)
		p = b.Open(page)
		p.WaitText("#state", "live")
	})
	start(t, at)
	p.WaitText("#state", "needs its token: open the URL in the log of the application")
}
