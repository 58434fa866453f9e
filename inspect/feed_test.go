package inspect

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// watched returns the entries that a page is sent, until one matches.
func watched(t *testing.T, p *apptest.Client, until func(entry) bool) (all []entry) {
	t.Helper()
	for {
		m := apptest.Expect[messages](p, "messages")
		all = append(all, m.Entries...)
		if slices.ContainsFunc(m.Entries, until) {
			return all
		}
	}
}

func isDone(event string) func(entry) bool {
	return func(e entry) bool { return e.Kind == kindDone && e.Event == event }
}

// What an application does is recorded while a page is open, in order, and nothing before.
func TestMessages(t *testing.T) {
	x := inspect(t, Options{})
	before := x.DialWS("/chat")
	before.Call("echo", "before any page")
	p := x.page()
	if got := string(p.Call("watch", watching{On: true, Round: 3})); got != `{"entries":[],"skipped":0,"round":3}` {
		t.Errorf("watch: %s", got)
	}
	c := x.DialWS("/chat")
	c.Call("join", "tea")
	c.CallError("join", "full")
	c.Call("post", Post{Room: "tea", Text: strings.Repeat("ä", 3000)})
	all := watched(t, p, isDone("post"))
	var got []string
	for _, e := range all {
		if e.Event != "" || e.Room != "" {
			got = append(got, e.Kind+" "+e.Event+e.Room)
		} else {
			got = append(got, e.Kind)
		}
		if e.Endpoint != "ws /chat" || len(e.Payload) > maxPayload {
			t.Errorf("%+v", e)
		}
		if e.Kind == kindDone && e.Event == "join" && e.Error != "" && (e.Code != "room_full" || e.Error != "Room is full") {
			t.Errorf("%+v", e)
		}
		if e.Kind == kindIn && e.Event == "post" && (e.Note != "cut at 4 KiB" || e.Bytes < 6000 || strings.ContainsRune(e.Payload, '\ufffd')) {
			t.Errorf("%+v", e)
		}
	}
	slices.Sort(got[1:]) // a client that has its answer may send before its hooks have returned
	want := "connect, answer join, answer join, answer post, done join, done join, done post, in join, in join, in post, join tea, out posted"
	if strings.Join(got, ", ") != want {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, ", "), want)
	}
	p.Call("watch", watching{Filter: "-kind:done event:join error", On: true})
	p.Call("watch", watching{})
	p.Close()
	testkit.Eventually(t, "the page has left", func() bool { return x.feedOf().open.Load() == 0 })
	n := len(x.feedOf().find(nil, ringSize))
	c.Call("echo", "no page is open")
	if again := len(x.feedOf().find(nil, ringSize)); again != n {
		t.Errorf("%d entries more without a page", again-n)
	}
}

// Payloads of gateways that hide causes, and credentials, are shown nowhere.
func TestSecrets(t *testing.T) {
	x := inspect(t, Options{})
	p := x.page()
	p.Call("watch", watching{On: true})
	secret := "s3cr3t"
	c := x.DialWS("/login?token="+secret+"&Access_Token="+secret+"&c%6fde="+secret+"&room=tea", apptest.WithSubprotocols("token.v1", secret),
		apptest.WithHeader(http.Header{"Authorization": {"Bearer " + secret}, "Cookie": {"sid=" + secret}, "X-Api-Key": {secret}, "X-Session-Token": {secret}, "User-Agent": {"test"}}))
	c.Call("login", secret)
	s := x.DialSocketIO("/chat", apptest.WithAuth(map[string]string{"token": secret}))
	s.Call("echo", "hello")
	all := watched(t, p, isDone("echo"))
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	table := get[clientTable](x, "clients")
	if table.Total != 2 || len(table.Clients) != 2 {
		t.Fatalf("%+v", table)
	}
	seen := string(text) + x.do(http.MethodGet, "/inspect/api/messages", "").body
	for _, c := range table.Clients {
		seen += x.do(http.MethodGet, "/inspect/api/clients/"+c.ID, "").body
	}
	if strings.Contains(seen, secret) {
		t.Errorf("a secret is shown: %s", seen)
	}
	for _, want := range []string{"hidden: the gateway has HideCauseData", redacted, "/login?token=[redacted]", "room=tea", `"User-Agent":"test"`, `"values":["user"]`} {
		if !strings.Contains(seen, want) {
			t.Errorf("%s is not shown: %s", want, seen)
		}
	}
}

// A page is sent at most 200 entries a second; the rest is counted. The ring has the last 1,000.
func TestBounds(t *testing.T) {
	f := newFeed()
	c := apptest.NewFakeClient("page")
	if !f.enter(c) {
		t.Fatal("no page may be opened")
	}
	f.watch("page", nil, watching{On: true})
	start := time.Now()
	for range 3000 {
		f.add(entry{Kind: kindIn, Event: "x"}, []byte(strings.Repeat("p", maxPayload)))
	}
	f.flush()
	testkit.Eventually(t, "the entries", func() bool { // the goroutine of the feed may be sending
		entries, skipped := 0, 0
		for _, s := range c.Sent() {
			m, _ := s.Data.(messages)
			entries, skipped = entries+len(m.Entries), skipped+m.Skipped
		}
		if most := perSecond * (2 + int(time.Since(start).Seconds())); entries > most {
			t.Fatalf("%d entries are sent, at most %d", entries, most)
		}
		return entries >= perSecond && entries+skipped == 3000
	})
	for _, n := range []int{10, ringSize, 5000} {
		if got := f.find(nil, n); len(got) != min(n, ringSize) || got[len(got)-1].Number != 3000 {
			t.Errorf("find(%d): %d", n, len(got))
		}
	}
	for i := range maxPages - 1 {
		if !f.enter(apptest.NewFakeClient(string(rune('a' + i)))) {
			t.Errorf("page %d is refused", i+2)
		}
	}
	if f.enter(apptest.NewFakeClient("ninth")) {
		t.Error("a ninth page is open")
	}
	if err := f.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFilters(t *testing.T) {
	e := &entry{Kind: kindDone, Event: "Join", Client: "AB12CD", Room: "Tea", Endpoint: "ws /chat", Error: "Room is full", Code: "room_full"}
	for text, want := range map[string]bool{
		"": true, "event:join": true, "event:jo*": true, "event:jo": false, "event:*": true, "client:ab12": true, "client:12c": true, "client:zz": false,
		"error": true, "-error": false, "kind:done": true, "-kind:out": true, "kind:in": false, "room:tea": true, "endpoint:/chat": true, "endpoint:socketio": false,
		"code:room_*": true, "full": true, "hello": true, "absent": false, "event:join client:ab12 error hello": true, "event:join nothing": false, "-absent": true, "a:b": false,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := f.matches(e, []byte(`{"text":"Hello"}`)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{strings.Repeat("x", maxFilter+1), strings.Repeat("x ", maxTerms+1)} {
		if _, err := parseFilter(text); err == nil {
			t.Errorf("%.20q is accepted", text)
		}
	}
}
