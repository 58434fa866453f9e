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
	t.Run("wrong token", func(t *testing.T) { pageWithWrongToken(t, program) })
	t.Run("token expiry", func(t *testing.T) { pageWithExpiringToken(t, program) })
}

// needPage needs the scripts of the page, which scripts/setup makes.
func needPage(t *testing.T) {
	t.Helper()
	for _, name := range []string{"chat.js", "socket.io.min.js"} {
		_, err := os.Stat(filepath.Join(need.Root(t), "cmd", "example", "internal", "site", "page", "vendor", name))
		need.Met(t, err)
	}
}

// pageOnBoth: two users chat in a room, one on each platform.
func pageOnBoth(t *testing.T, program string) {
	needPage(t)
	b := browsertest.Start(t)
	e := start(t, program)

	ann, bob := b.Open(e.url+"/"), b.Open(e.url+"/")
	ann.Screenshot(filepath.Join(screenshots(t), "login.png"))
	logIn(ann, " Ann ")
	ann.WaitText("#who", "Ann")
	ann.WaitText("#state", "Connected over Socket.IO")
	logIn(bob, "Bob")
	bob.Click("label:has([value=ws])")
	bob.WaitText("#state", "Connected over plain WebSocket")

	joinRoom(ann)
	joinRoom(bob)
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

	ann.Click("label:has([value=ws])") // stays in the room
	ann.WaitText("#state", "Connected over plain WebSocket")
	bob.WaitText("#messages li:last-child", "Ann joined")
	ann.Fill("#text", "still here")
	ann.Click("#send")
	bob.WaitText("#messages", "still here")

	bob.Click("#leave")
	bob.WaitText("#join", "Join")
	ann.WaitText("#messages", "Bob left")
	bob.Screenshot(filepath.Join(screenshots(t), "join.png"))
	bob.Click("#logout")
	bob.WaitText("#login", "Log in")
	if got := string(bob.Eval("sessionStorage.getItem('token')")); got != "null" {
		t.Errorf("token %s after the logout", got)
	}

	exceedRateLimit(ann)
	e.stop()
	ann.WaitText("#state", "again") // and again
}

// exceedRateLimit sends too many messages, and waits for the error text.
func exceedRateLimit(p *browsertest.Page) {
	p.Eval(`(() => {
		for (let i = 0; i < 40; i++) {
			document.querySelector('#text').value = 'again and again';
			document.querySelector('#talk').requestSubmit();
		}
	})()`)
	p.WaitText("#error", "Too many requests – try again in 1 s")
}

// pageWithoutSocketIO: the browser could not load the Socket.IO client, and then not the script of the page either.
func pageWithoutSocketIO(t *testing.T, program string) {
	needPage(t)
	b := browsertest.Start(t)
	e := start(t, program, "-platform", "ws")
	p := b.Open(e.url + "/style.css") // same origin, no scripts
	p.Eval(`fetch('/').then((r) => r.text()).then((html) => {
		const page = new DOMParser().parseFromString(html, 'text/html');
		for (const script of page.querySelectorAll('script')) script.remove();
		document.documentElement.replaceWith(document.adoptNode(page.documentElement));
		return null;
	})`)
	p.WaitText("#note", "run “scripts/setup page”")
	p.Eval(`import('/vendor/chat.js').then(() => null)`)
	p.WaitText("#note", "Plain WebSocket works")
	logIn(p, "Ann")
	p.WaitText("#state", "Connected over plain WebSocket")
	joinRoom(p)
	p.WaitText("#members", "Ann")
}

// pageWithWrongToken: the token is from before a restart of the server.
func pageWithWrongToken(t *testing.T, program string) {
	needPage(t)
	b := browsertest.Start(t)
	e := start(t, program)
	for _, platform := range []string{"socketio", "ws"} {
		p := b.Open(e.url + "/")
		logIn(p, "Ann")
		p.Click("label:has([value=" + platform + "])")
		p.WaitText("#state", "Connected")
		p.Eval(`sessionStorage.setItem('token', sessionStorage.getItem('token').replace(/^e/, 'f'))`)
		p.Click("label:has([value=" + map[string]string{"socketio": "ws", "ws": "socketio"}[platform] + "])")
		p.WaitText("#error", "Please log in again")
		p.WaitText("#login", "Log in")
		p.Click("#login button") // the name is kept
		p.WaitText("#state", "Connected")
	}
}

// pageWithExpiringToken: the page refreshes its token, and returns to the login if it
// cannot.
func pageWithExpiringToken(t *testing.T, program string) {
	needPage(t)
	b := browsertest.Start(t)
	e := start(t, program, "-token-life", "5s")
	for _, platform := range []string{"socketio", "ws"} {
		p := b.Open(e.url + "/")
		logIn(p, "Ann")
		p.Click("label:has([value=" + platform + "])")
		p.WaitText("#state", "Connected")
		joinRoom(p)
		p.Eval(`new Promise((resolve) => { // the third token
			const tokens = new Set();
			const timer = setInterval(() => {
				tokens.add(sessionStorage.getItem('token'));
				if (tokens.size < 3) return;
				clearInterval(timer);
				resolve(null);
			}, 20);
		})`)
		if got := string(p.Eval("document.querySelectorAll('#messages li').length")); got != "1" {
			t.Errorf("%s: Ann joined %s times: she was disconnected", platform, got)
		}
		p.Eval(`void (window.fetch = () => Promise.reject(new Error('cut')))`)
		p.WaitText("#error", "Please log in again")
		p.WaitText("#login", "Log in")
	}
}

func logIn(p *browsertest.Page, name string) {
	p.Fill("#name", name)
	p.Click("#login button")
}

func joinRoom(p *browsertest.Page) {
	p.Fill("#room", "tea")
	p.Click("#join")
	p.WaitText("#title", "# tea")
}

// screenshots returns the directory of screenshots: $SCREENSHOTS if it is set.
func screenshots(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}
