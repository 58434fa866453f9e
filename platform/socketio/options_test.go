package socketio

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// odd is a parser that cannot be compared.
type odd struct {
	packet.Parser
	_ []int
}

// own is a parser that can.
type own struct{ packet.Parser }

func TestDefaults(t *testing.T) {
	o, err := New().opts.complete()
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Transports: []string{"polling", "websocket"}, Upgrades: On, UpgradeTimeout: 10 * time.Second, ConnectTimeout: 15 * time.Second,
		MaxConnecting: 1000, MaxUnpolled: 1000,
		Compression: CompressionOff, Parser: packet.JSON(), MaxAttachments: 10, AttachmentTimeout: 30 * time.Second,
		MaxNamespaces: 100, MaxFragments: 4096, MessageTimeout: time.Minute, TraceArgument: Off,
		CORS: CORS{Credentials: On, PrivateNetwork: Off},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("%+v\nwant %+v", o, want)
	}
	o, err = Options{Transports: []string{Polling}, Parser: packet.JSON(), Cookie: &http.Cookie{}, Recovery: &Recovery{}}.complete()
	if err != nil {
		t.Fatal(err)
	}
	o.Cookie.Value = "" // it is the session's to say
	if want := (&http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}); !reflect.DeepEqual(o.Cookie, want) {
		t.Errorf("cookie %+v", o.Cookie)
	}
	if want := (&Recovery{
		MaxDisconnection: 2 * time.Minute, MaxClients: 10_000, MaxClientsPerAddress: 100, MaxBytes: 256 << 10, MaxTotalBytes: 256 << 20,
	}); !reflect.DeepEqual(o.Recovery, want) {
		t.Errorf("recovery %+v", o.Recovery)
	}
}

// Filling in defaults does not change the application's values.
func TestCompleteCopies(t *testing.T) {
	given := Options{
		Transports: []string{Polling}, Parser: packet.JSON(),
		Cookie:   &http.Cookie{Name: "lb", Path: "/x", SameSite: http.SameSiteStrictMode, Secure: true, HttpOnly: true},
		Recovery: &Recovery{MaxDisconnection: time.Second, MaxClients: 1, MaxClientsPerAddress: 4, MaxBytes: 2, MaxTotalBytes: 3, SkipAdmit: true},
	}
	o, err := given.complete()
	if err != nil {
		t.Fatal(err)
	}
	if given.Cookie.Value != "" {
		t.Error("the application's cookie was changed")
	}
	o.Cookie.Value = ""
	if !reflect.DeepEqual(o, given) || o.Cookie == given.Cookie || o.Recovery == given.Recovery {
		t.Errorf("%+v", o)
	}
}

// Each field that is set replaces the one below, and no other does.
func TestOverFieldByField(t *testing.T) {
	allow := func(*http.Request) error { return nil }
	base := Options{
		Transports: []string{Polling}, Upgrades: On, UpgradeTimeout: 1, ConnectTimeout: 2, HTTPCompression: 3,
		Compression: CompressionEach, CORS: CORS{Credentials: On, AllowedHeaders: []string{"a"}, MaxAge: 4, PrivateNetwork: On}, Cookie: &http.Cookie{Name: "a"},
		Parser: packet.JSON(), MaxAttachments: 5, AttachmentTimeout: 6, MaxNamespaces: 7, MaxFragments: 8, MessageTimeout: 9,
		Recovery: &Recovery{MaxClients: 10}, MaxConnecting: 18, MaxUnpolled: 19, TraceArgument: On,
	}
	if got := merge.Fields(base, Options{}); !reflect.DeepEqual(got, base) {
		t.Errorf("nothing set: %+v", got)
	}
	set := []Options{
		{Transports: []string{WebSocket}}, {Transports: []string{}}, {Upgrades: Off}, {UpgradeTimeout: 11}, {ConnectTimeout: 12},
		{HTTPCompression: 13}, {Compression: CompressionStream}, {CORS: CORS{Credentials: Off}},
		{CORS: CORS{AllowedHeaders: []string{}}}, {CORS: CORS{MaxAge: 14}}, {CORS: CORS{PrivateNetwork: Off}},
		{Cookie: &http.Cookie{Name: "b"}}, {Parser: own{packet.JSON()}}, {MaxAttachments: 15}, {AttachmentTimeout: 16},
		{MaxNamespaces: 17}, {MaxFragments: -1}, {MessageTimeout: -1}, {Recovery: &Recovery{SkipAdmit: true}},
		{MaxConnecting: -1}, {MaxUnpolled: -1}, {TraceArgument: Off},
	}
	for _, o := range set {
		got := reflect.ValueOf(merge.Fields(base, o))
		compareFields(t, "", got, reflect.ValueOf(o), reflect.ValueOf(base))
	}
	if got := merge.Fields(base, Options{AllowRequest: allow}); got.AllowRequest == nil {
		t.Error("AllowRequest is lost")
	}
	if got := merge.Fields(base, Options{HandshakeHeaders: func(http.Header, *http.Request, string) {}}); got.HandshakeHeaders == nil {
		t.Error("HandshakeHeaders is lost")
	}
	if n := reflect.TypeFor[Options]().NumField(); n != 20 {
		t.Errorf("Options has %d fields: complete this test", n)
	}
}

func compareFields(t *testing.T, prefix string, got, set, base reflect.Value) {
	t.Helper()
	for i := range got.NumField() {
		name := prefix + got.Type().Field(i).Name
		g, s, b := got.Field(i), set.Field(i), base.Field(i)
		if g.Type() == reflect.TypeFor[CORS]() {
			compareFields(t, name+".", g, s, b)
			continue
		}
		want := b
		if !s.IsZero() {
			want = s
		}
		if !reflect.DeepEqual(g.Interface(), want.Interface()) {
			t.Errorf("%s is %v, want %v", name, g, want)
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	const tail = " is negative: use 0 for the default"
	for want, o := range map[string]Options{
		`socketio: Options.Transports is empty: leave it nil for both, or name "polling" or "websocket"`:           {Transports: []string{}},
		`socketio: Options.Transports has "webtransport": it may be "polling" or "websocket"`:                      {Transports: []string{Polling, "webtransport"}},
		"socketio: Options.Compression: unknown value 4: use CompressionOff, CompressionEach or CompressionStream": {Compression: 4},
		"socketio: Options.CORS.Credentials: unknown value 3: use On or Off":                                       {CORS: CORS{Credentials: 3}},
		"socketio: Options.UpgradeTimeout" + tail:                                                                  {UpgradeTimeout: -1},
		"socketio: Options.ConnectTimeout" + tail:                                                                  {ConnectTimeout: -1},
		"socketio: Options.HTTPCompression" + tail:                                                                 {HTTPCompression: -1},
		"socketio: Options.CORS.MaxAge" + tail:                                                                     {CORS: CORS{MaxAge: -1}},
		"socketio: Options.MaxAttachments" + tail:                                                                  {MaxAttachments: -1},
		"socketio: Options.AttachmentTimeout" + tail:                                                               {AttachmentTimeout: -1},
		"socketio: Options.MaxNamespaces" + tail:                                                                   {MaxNamespaces: -1},
		"socketio: Options.Parser: values of socketio.odd cannot be compared: use a pointer":                       {Parser: odd{}},
		"socketio: Options.Recovery has a negative duration or size: use 0 for the default":                        {Recovery: &Recovery{MaxDisconnection: -1}},
		"socketio: Options.Recovery has a negative duration or size: use 0 for the default ":                       {Recovery: &Recovery{MaxClients: -1}},
		"socketio: Options.Recovery has a negative duration or size: use 0 for the default  ":                      {Recovery: &Recovery{MaxBytes: -1}},
		"socketio: Options.Recovery has a negative duration or size: use 0 for the default   ":                     {Recovery: &Recovery{MaxClientsPerAddress: -1}},
		"socketio: Options.Recovery has a negative duration or size: use 0 for the default    ":                    {Recovery: &Recovery{MaxTotalBytes: -1}},
	} {
		_, err := New(o).NewServer(adapter.ServerConfig{Path: "/", Limits: limits()})
		if err == nil || err.Error() != strings.TrimRight(want, " ") {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, err := New().NewServer(adapter.ServerConfig{Path: "/", Limits: limits(), Options: []adapter.PlatformOption{o}}); err == nil {
			t.Errorf("a gateway's option is not refused: %s", want)
		}
	}
	for _, o := range []Options{{MaxFragments: -1}, {MessageTimeout: -1}, {Parser: &odd{}}} {
		if _, err := New(o).NewServer(adapter.ServerConfig{Path: "/", Limits: limits()}); err != nil {
			t.Error(err)
		}
	}
}

// A client that has missed up to MaxBytes is sent all of it when it returns, which its queue must hold.
func TestRecoveryFitsQueue(t *testing.T) {
	for _, tt := range []struct{ declared, queue, kept int }{
		{0, 1 << 20, 256 << 10}, {0, 1000, 1000}, {1 << 20, 1 << 20, 1 << 20}, {5000, 1 << 20, 5000},
	} {
		l := limits()
		l.SendQueueMax = tt.queue
		s, err := New(Options{Recovery: &Recovery{MaxBytes: tt.declared}}).NewServer(adapter.ServerConfig{Path: "/", Limits: l})
		if err != nil || s.(*server).recovery.Options().MaxBytes != tt.kept {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	l := limits()
	l.SendQueueMax = 8 << 20
	_, err := New(Options{Recovery: &Recovery{MaxBytes: 9 << 20}}).NewServer(adapter.ServerConfig{Path: "/", Limits: l})
	const want = "socketio: Options.Recovery.MaxBytes is 9437184 and Limits.SendQueueMax 8388608: a client that has missed so much would be closed when it returns: write at most 8388608, or raise SendQueueMax"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// foreign is an option of another platform.
type foreign struct{}

func (foreign) ApplyGateway(*adapter.GatewayConfig) {}
func (foreign) PlatformName() string                { return "socketio" }

func TestForeignOption(t *testing.T) {
	_, err := New().NewServer(adapter.ServerConfig{Path: "/x", Options: []adapter.PlatformOption{foreign{}}})
	if want := "socketio: socketio.foreign is not an option of this adapter: use socketio.Options"; err == nil || err.Error() != want {
		t.Error(err)
	}
}

// A gateway's options override those of New, of which later ones override earlier ones.
func TestOptionsOfGatewayStandAbove(t *testing.T) {
	a := New(Options{MaxNamespaces: 1, MaxAttachments: 1, MaxFragments: 1, CORS: CORS{PrivateNetwork: On}}, Options{MaxAttachments: 2, MaxFragments: 2})
	cfg := adapter.ServerConfig{Path: "/", Limits: limits()}
	cfg.Options = []adapter.PlatformOption{Options{MaxFragments: 3, Upgrades: Off, CORS: CORS{PrivateNetwork: Off}}}
	as, err := a.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if o := as.(*server).opts; o.MaxNamespaces != 1 || o.MaxAttachments != 2 || o.MaxFragments != 3 || o.Upgrades != Off || o.CORS.PrivateNetwork != Off {
		t.Errorf("%+v", o)
	}
	cfg.Options = nil
	if as, err = a.NewServer(cfg); err != nil {
		t.Fatal(err)
	}
	if o := as.(*server).opts; o.MaxFragments != 2 || o.Upgrades != On || o.CORS.PrivateNetwork != On {
		t.Errorf("the adapter has kept a gateway's options: %+v", o)
	}
}

func TestTransports(t *testing.T) {
	for _, tt := range []struct {
		offered       []string
		polling, webs int
		upgrades      string
		switched      Switch
	}{
		{nil, 200, 101, `["websocket"]`, On},
		{nil, 200, 101, `[]`, Off},
		{[]string{Polling}, 200, 400, `[]`, 0},
		{[]string{WebSocket}, 400, 101, "", 0},
	} {
		t.Run(fmt.Sprint(tt.offered, tt.switched), func(t *testing.T) {
			r := newTestServer(t, Options{Transports: tt.offered, Upgrades: tt.switched})
			a := r.get(overPolling)
			if a.status != tt.polling || !strings.Contains(a.body, `"upgrades":`+tt.upgrades) && tt.upgrades != "" {
				t.Errorf("polling: %d %s", a.status, a.body)
			}
			if _, resp := r.handshake(overWebSocket); resp.Status != tt.webs {
				t.Errorf("websocket: %d", resp.Status)
			}
			if a.status == 200 {
				want := 101
				if tt.upgrades == "[]" {
					want = 400
				}
				if _, resp := r.handshake(overWebSocket + "&sid=" + field(a.body, "sid")); resp.Status != want {
					t.Errorf("upgrade: %d", resp.Status)
				}
			}
		})
	}
}

// Options of the engine, which its own tests cover, are passed to it.
func TestOptionsReachTheEngine(t *testing.T) {
	asked := 0
	r := newTestServer(t, Options{
		HTTPCompression: 10, Cookie: &http.Cookie{HttpOnly: true},
		CORS:         CORS{Credentials: Off, AllowedHeaders: []string{"x-a"}, MaxAge: time.Hour, PrivateNetwork: On},
		AllowRequest: func(*http.Request) error { asked++; return nil },
		Compression:  CompressionEach,
	})
	p := r.poller()
	_, s := r.enter(p, "")
	s.emit(t, "long", `"`+strings.Repeat("x", 1000)+`"`)
	if a := r.get(p.query(), "Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("not compressed: %v", a.header)
	}
	a := r.request(context.Background(), http.MethodOptions, overPolling, "",
		"Origin", "https://a.example", "Access-Control-Request-Private-Network", "true")
	for name, want := range map[string]string{
		"Access-Control-Allow-Credentials": "", "Access-Control-Allow-Headers": "x-a", "Access-Control-Max-Age": "3600",
		"Access-Control-Allow-Private-Network": "true", "Access-Control-Allow-Origin": "https://a.example",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	a = r.get(overPolling)
	if want := "io=" + field(a.body, "sid") + "; Path=/; HttpOnly; SameSite=Lax"; a.header.Get("Set-Cookie") != want {
		t.Errorf("cookie %q", a.header.Get("Set-Cookie"))
	}
	if asked != 2 {
		t.Errorf("AllowRequest was called %d times", asked)
	}
}

// Headers of the application are on the answer of a handshake, with the session's id, on both transports; those of a panic are
// not.
func TestHandshakeHeaders(t *testing.T) {
	r := newTestServer(t, Options{HandshakeHeaders: func(h http.Header, r *http.Request, sid string) {
		if r.URL.Query().Has("panic") {
			panic("no headers")
		}
		h.Set("X-Session", sid)
		h.Set("Content-Type", "text/x") // that of the framework is first
		h.Add("Set-Cookie", "a=1")
	}})
	a := r.get(overPolling)
	if got := a.header.Get("X-Session"); got == "" || got != field(a.body, "sid") || a.header.Get("Set-Cookie") != "a=1" {
		t.Errorf("polling: %v", a.header)
	}
	if a = r.request(context.Background(), http.MethodPost, overPolling+"&sid="+field(a.body, "sid"), "40"); a.err != nil || a.header.Get("X-Session") != "" {
		t.Errorf("a later request: %v %v", a.err, a.header)
	}
	if a = r.get(overPolling + "&panic=1"); a.status != http.StatusInternalServerError || a.header.Get("X-Session") != "" {
		t.Errorf("a panic: %d %v", a.status, a.header)
	}
	p, res := r.handshake(overWebSocket)
	if got := res.Header.Get("X-Session"); got == "" || got != field(p.read(), "sid") {
		t.Errorf("WebSocket: %v", res.Header)
	}
	p.cut()
}

func TestOtherPaths(t *testing.T) {
	r := newTestServer(t, Options{})
	for path, want := range map[string]int{"/socket.io/": 200, "/socket.io": 200, "/socket.io/x": 404, "/": 404} {
		resp, err := r.http.Get("http://example.com" + path + "?" + overPolling)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if r.srv.Native("/") != nil {
		t.Error("Native returns something")
	}
}

// frames of compressed messages have the bit RSV1.
func TestCompressionModes(t *testing.T) {
	long := `"` + strings.Repeat("x", 1000) + `"`
	for mode, extension := range map[Compression]string{
		CompressionOff: "", CompressionEach: "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
		CompressionStream: "permessage-deflate",
	} {
		r := newTestServer(t, Options{Compression: mode}, preparing(answering))
		p, resp := r.handshake(overWebSocket, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
		got := resp.Header.Get("Sec-WebSocket-Extensions")
		if (got != "") != (extension != "") || !strings.HasPrefix(extension, got) && !strings.HasPrefix(got, extension) {
			t.Errorf("mode %d: extensions %q", mode, got)
		}
		if open := p.read(); open[0] != '0' {
			t.Fatal(open)
		}
		p.send("40")
		p.read()
		s := r.session()
		s.emit(t, "a", long)
		plain := out("a", long)
		plain.Uncompressed = true
		if err := s.conn.Emit(plain, 0); err != nil {
			t.Fatal(err)
		}
		f, err := p.Next()
		if got := f.First == opText|compressed && len(f.Payload) < 200; got != (mode != CompressionOff) || err != nil {
			t.Errorf("mode %d: frame %x of %d bytes, %v", mode, f.First, len(f.Payload), err)
		}
		want(t, p, `42["a",`+long+`]`)
		for n, uncompressed := range map[int]bool{299: false, 100: true} { // long ones, see answering
			p.send(fmt.Sprintf(`420["q",%d]`, n))
			f, err := p.Next()
			if got := f.First == opText|compressed; got != (mode != CompressionOff && !uncompressed) || err != nil || len(f.Payload) < 20 {
				t.Errorf("mode %d: the reply is frame %x of %d bytes, %v", mode, f.First, len(f.Payload), err)
			}
		}
	}
}

// A cookie that net/http does not send is an error of the start.
func TestBadCookie(t *testing.T) {
	_, err := New(Options{Cookie: &http.Cookie{Name: "my cookie"}}).NewServer(adapter.ServerConfig{Path: "/", Limits: limits()})
	if err == nil {
		t.Error("not refused")
	}
}
