package socketio

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// FuzzConnect: for every CONNECT, a client joins a namespace that exists, gets a
// CONNECT_ERROR with the name that it sent, or is closed.
func FuzzConnect(f *testing.F) {
	for _, s := range []string{
		"", "/", "/,", "/b", "/b,", `/b,{"token":"x"}`, `{"token":{"a":[1]}}`, "/b?x=1,", "/B,", "/b/,", "//b,", "/b#,", "/b\x00,", "/\xff,", "/none,{}",
		"/,{", "b,", "/b,[]", "/b,1", "/b,null", "7", "/b,7{}", "/" + strings.Repeat("n", 511) + ",", "/" + strings.Repeat("n", 512) + ",", strings.Repeat("\x0e", 66), "/__proto__,", "/é\u2028\",",
	} {
		f.Add(s)
	}
	r := inMemory(f, Options{}, with(func(l *websockets.Limits) { l.CloseTimeout = time.Minute }))
	f.Fuzz(func(t *testing.T, asked string) {
		if !utf8.ValidString(asked) {
			return // not a text message
		}
		own := *r
		own.t = t
		p := own.peer()
		p.send("40" + asked)
		answer, err := p.Next()
		if err != nil {
			t.Fatalf("%q: no answer: %v", asked, err)
		}
		first, got := answer.First, answer.Payload
		var name string
		connect, bad := packet.JSON().NewDecoder(packet.Limits{}).Text([]byte("0" + asked))
		if bad == nil {
			if name = connect.Namespace; name == "/" {
				name = ""
			} else {
				name += ","
			}
		}
		switch {
		case bad != nil:
			if first != opClose {
				t.Fatalf("%q, which is %v, was answered %x %.200q", asked, bad, first, got)
			}
		case connect.Namespace == "/" || connect.Namespace == "/b":
			if !strings.HasPrefix(got, "40"+name+`{"sid":"`) {
				t.Fatalf("%q was answered %x %.200q", asked, first, got)
			}
			s := own.main
			if name != "" {
				s = own.b
			}
			testkit.Receive(t, "a session", s.sessions)
		case got != "44"+name+`{"message":"Invalid namespace"}`:
			t.Fatalf("%q was answered %x %.200q", asked, first, got)
		}
		p.cut()
	})
}
