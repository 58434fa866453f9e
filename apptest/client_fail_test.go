package apptest_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// soon is a timeout for events that must not arrive.
const soon = 50 * time.Millisecond

func TestFailuresListReceivedMessages(t *testing.T) {
	url := serve(t, func(conn *websocket.Conn) {
		write(conn, `{"event":"typing","data":{"a":1}}`, `{"event":"left"}`)
		drain(conn)
	})
	arrived := "received: typing({\"a\":1}), left()"
	for name, tt := range map[string]struct {
		do   func(*apptest.Client)
		want []string // 50ms stands for the timeout
	}{
		"Expect":      {func(c *apptest.Client) { apptest.Expect[int](c, "posted") }, []string{`Expect("posted"): not received within 50ms`, arrived}},
		"Call":        {func(c *apptest.Client) { c.Call("join") }, []string{`Call("join"): no answer within 50ms`, arrived}},
		"CallError":   {func(c *apptest.Client) { c.CallError("join") }, []string{`CallError("join"): no answer`, arrived}},
		"ExpectClose": {func(c *apptest.Client) { c.ExpectClose() }, []string{"still open after 50ms", arrived}},
		"ExpectNone":  {func(c *apptest.Client) { c.ExpectNone("typing") }, []string{`ExpectNone("typing"): got typing({"a":1})`}},
		"wrong type":  {func(c *apptest.Client) { apptest.Expect[[]int](c, "typing") }, []string{`Expect("typing"): typing({"a":1}): `}},
		"Answer":      {func(c *apptest.Client) { c.Answer(c.ExpectMessage("left"), 1) }, []string{"left() requests no answer"}},
		"Raw.Expect":  {func(c *apptest.Client) { c.Raw().Expect("x") }, []string{`Raw.Expect("x"): not found in the received frames`, `{"event":"left"}`}},
		"unencodable": {func(c *apptest.Client) { c.Emit("e", func() {}) }, []string{`Emit("e"): `}},
		"after close": {func(c *apptest.Client) { c.Abort(); c.ExpectMessage("posted") }, []string{"the connection closed first (1006)", arrived}},
		"Next":        {func(c *apptest.Client) { c.Next(); c.Next(); c.Next() }, []string{"not received within 50ms; no other messages received"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &testkit.Recorder{TB: t}
			c := apptest.DialWS(r, url, apptest.WithTimeout(5*time.Second))
			c.ExpectNone("never") // both events have arrived
			// What a call sends, and the answer to a ping, must not be late on a loaded machine.
			timeout := map[string]time.Duration{"Call": time.Second, "CallError": time.Second, "ExpectNone": testkit.Patience}[name]
			timeout = cmp.Or(timeout, soon)
			r.Run(func() { tt.do(c.ForTest(r, timeout)) })
			for i := range tt.want {
				tt.want[i] = strings.ReplaceAll(tt.want[i], soon.String(), timeout.String())
			}
			r.Want(tt.want...)
		})
	}
}

func TestCallErrorFailsWhenTheCallSucceeds(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		r := &testkit.Recorder{TB: t}
		r.Run(func() { c.ForTest(r, time.Minute).CallError("echo", 1) })
		r.Want(`CallError("echo"): succeeded with 1`)
		r = &testkit.Recorder{TB: t}
		r.Run(func() { c.ForTest(r, time.Minute).Call("fail", "no") })
		r.Want(`Call("fail"): no`)
	})
}

func TestProtocolViolationFailsTheTest(t *testing.T) {
	for name, tt := range map[string]struct {
		plain bool
		frame string
		want  string
	}{
		"not JSON":            {true, `{`, "violated the protocol"},
		"no event, no id":     {true, `{"data":1}`, "neither event nor id"},
		"event no string":     {true, `{"event":1}`, "violated the protocol"},
		"exception no object": {true, `{"event":"exception","id":1,"data":[]}`, "exception: "},
		"no engine packet":    {false, `x`, "not an Engine.IO message"},
		"no packet":           {false, `49`, `no Socket.IO packet starts with '9'`},
		"event no array":      {false, `42{"a":1}`, `invalid data "{\"a\":1}" in a packet of type 2`},
		"event empty":         {false, `42[]`, "an event without a name"},
		"event name":          {false, `42[1]`, "the name of an event"},
		"ack without id":      {false, `43[]`, "an ack without an id"},
		"ack id too big":      {false, `4399999999999999999999[]`, "ack id"},
		"data cut off":        {false, `42["a"`, "not JSON"},
		"no attachment count": {false, `45["a"]`, "without a number of attachments"},
		"second CONNECT":      {false, `40{"sid":"t"}`, "unexpected answer to CONNECT"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(conn *websocket.Conn) {
				if !tt.plain {
					openSocketIO(conn)
				}
				write(conn, tt.frame)
				drain(conn)
			})
			r := &testkit.Recorder{TB: t}
			dial := apptest.DialSocketIO
			if tt.plain {
				dial = apptest.DialWS
			}
			if got := dial(r, url).ExpectClose(); got.Code != 1002 {
				t.Errorf("close %+v", got)
			}
			r.Want("violated the protocol", tt.want)
		})
	}
}

func TestBrokenAttachmentsFailTheTest(t *testing.T) {
	for name, tt := range map[string]struct {
		texts []string // each but the first after one binary frame
		want  string
	}{
		"unexpected":  {[]string{``}, "an attachment without a packet"},
		"missing":     {[]string{`452-["a",{"_placeholder":true,"num":0}]`, `42["b"]`}, "while attachments are missing"},
		"unused":      {[]string{`451-["a"]`}, "attachment 0 has no placeholder"},
		"wrong index": {[]string{`451-["a",{"_placeholder":true,"num":1}]`}, "placeholder for attachment 1 of 1"},
		"twice":       {[]string{`451-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`}, "placeholder for attachment 0 of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(conn *websocket.Conn) {
				openSocketIO(conn)
				for i, text := range tt.texts {
					if text != "" {
						write(conn, text)
					}
					if i == 0 {
						_ = conn.Write(noContext, websocket.MessageBinary, []byte{1})
					}
				}
				drain(conn)
			})
			r := &testkit.Recorder{TB: t}
			apptest.DialSocketIO(r, url).ExpectClose()
			r.Want(tt.want)
		})
	}
}

func TestSecondAnswerFailsTheTest(t *testing.T) {
	url := serve(t, func(conn *websocket.Conn) {
		_, _, _ = conn.Read(noContext)
		write(conn, `{"id":1,"data":"a"}`, `{"id":1,"data":"b"}`)
		drain(conn)
	})
	r := &testkit.Recorder{TB: t}
	c := apptest.DialWS(r, url)
	c.Call("e")
	c.ExpectClose()
	r.Want("a second answer to request 1")
}

func TestHandshakeThatBreaksTheProtocol(t *testing.T) {
	for want, frames := range map[string][]string{
		"did not open an Engine.IO connection": {`hello`},
		"did not answer CONNECT":               {`0{}`, `42["a"]`},
		"has no sid":                           {`0{}`, `40{}`},
		"no Socket.IO packet":                  {`0{}`, `49`},
	} {
		t.Run(want, func(t *testing.T) {
			url := serve(t, func(conn *websocket.Conn) { write(conn, frames...); drain(conn) })
			r := &testkit.Recorder{TB: t}
			r.Run(func() { apptest.DialSocketIO(r, url) })
			r.Want("DialSocketIO("+url+")", want)
		})
	}
}

func TestHandshakeTimeout(t *testing.T) {
	url := serve(t, drain)
	_, err := apptest.TryDialSocketIO(t, url, apptest.WithTimeout(soon))
	if err == nil || !strings.Contains(err.Error(), "the handshake took longer than 50ms") {
		t.Errorf("got %v", err)
	}
}

func TestHeartbeats(t *testing.T) {
	opts := nodetest.Opts{"pingInterval": 50, "pingTimeout": 5000}
	n := nodetest.Start(t)
	url := n.ServeSocketIO(opts)
	alive := apptest.DialSocketIO(t, url)
	mute := apptest.DialSocketIO(t, url, apptest.WithoutPong())
	if got := mute.ExpectClose(); got.Reason != "transport close" {
		t.Errorf("without pong: %+v", got)
	}
	// The client that answers pings is still connected.
	if got := apptest.Call[[]string](alive, "who left"); len(got) != 1 || got[0] != "ping timeout" {
		t.Errorf("left: %v", got)
	}
}

func TestWithoutPongOnPlainWebSocket(t *testing.T) {
	result, timeout := make(chan error, 1), make(chan time.Duration, 1)
	url := serve(t, func(conn *websocket.Conn) {
		ctx, cancel := context.WithTimeout(noContext, <-timeout)
		defer cancel()
		reading := conn.CloseRead(noContext)
		result <- conn.Ping(ctx)
		<-reading.Done()
	})
	timeout <- testkit.Patience
	apptest.DialWS(t, url)
	if err := <-result; err != nil {
		t.Errorf("ping: %v", err)
	}
	timeout <- soon
	apptest.DialWS(t, url, apptest.WithoutPong())
	if err := <-result; err == nil {
		t.Error("the ping was answered")
	}
}

func TestRaw(t *testing.T) {
	n := nodetest.Start(t)
	c := apptest.DialSocketIO(t, n.ServeSocketIO(nil))
	c.Raw().Text(`427["echo",1]`)
	c.Raw().Expect(`437[1]`)
	if m := c.Next(); m.Event != "" || string(m.Data) != "1" {
		t.Errorf("the reply to a raw request: %s", m)
	}
	c.Raw().Text(`40/chat,`)
	if got := c.Raw().ExpectPrefix(`40/chat,`); !strings.Contains(got, `"sid"`) {
		t.Errorf("got %s", got)
	}
	c.Raw().Text(`42/chat,8["echo"]`)
	c.Raw().Expect(`43/chat,8[]`)
	if frames := c.Raw().Frames(); len(frames) != 0 {
		t.Errorf("frames: %q", frames)
	}
	c.Raw().Bytes([]byte{0x83, 0x80, 0, 0, 0, 0}) // a reserved opcode
	if got := c.ExpectClose(); got.Code != 1002 {
		t.Errorf("close %+v", got)
	}

	plain := apptest.DialWS(t, n.ServePlain())
	plain.Raw().Binary([]byte(`{"event":"raw binary","data":"bytes"}`))
	if m := plain.Next(); len(m.Attachments) != 1 || string(m.Attachments[0]) != "bytes" {
		t.Errorf("binary: %+v", m)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err == nil {
			write(conn, `{"event":"hi"}`)
			drain(conn)
		}
	}))
	t.Cleanup(server.Close)
	cfg := server.Client().Transport.(*http.Transport).TLSClientConfig
	c := apptest.DialWS(t, server.URL, apptest.WithTLS(&tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS13}))
	c.ExpectMessage("hi")
	c.Abort()
	if got := c.ExpectClose(); got.Code != 1006 {
		t.Errorf("close %+v", got)
	}
}

func TestCloseDoesNotWaitForASilentServer(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(*websocket.Conn) { <-release })
	defer close(release)
	var all []time.Duration
	for range 3 { // once it is soon, also on a loaded machine
		c := apptest.DialWS(t, url)
		start := time.Now()
		c.Close()
		if all = append(all, time.Since(start)); all[len(all)-1] < 4*time.Second {
			return
		}
	}
	t.Errorf("Close took %v", all)
}
