package protocol_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

// TestBodies sends invalid and incomplete bodies to a session.
func TestBodies(t *testing.T) {
	// big returns an event of n bytes as a POST body.
	big := func(n int) string {
		const around = `42["message",""]`
		return `42["message","` + strings.Repeat("a", n-len(around)) + `"]`
	}
	// after posts a body, and records whether the session survives.
	after := func(body string, headers ...string) func(p *play) {
		return func(p *play) {
			p.enter()
			p.post(body, headers...)
			p.outcome()
		}
	}
	compareAll(t, newBench(t, calm), []scene{
		{name: "largest body", play: func(p *play) {
			p.enter()
			p.post(big(maxPayload))
			p.notef("%d bytes back", len(p.packets(1)[0]))
			p.works()
		}},
		{name: "body over the limit", play: func(p *play) {
			p.enter()
			p.post(big(maxPayload + 1))
			p.outcome()
		}},
		{name: "body over the limit, announced", play: func(p *play) {
			p.enter()
			p.asked++
			x := startExchange(p.t, p.addr, "POST", p.path("polling"), "Content-Length: 4000000000", "Expect: 100-continue")
			p.settle()
			x.write(strings.Repeat("a", maxPayload+1))
			p.notef("POST: %d", x.answer().status)
			p.outcome()
		}},
		{name: "body over the limit, chunked", play: func(p *play) {
			p.enter()
			p.asked++
			x := startExchange(p.t, p.addr, "POST", p.path("polling"), "Transfer-Encoding: chunked")
			body := big(maxPayload + 1)
			x.write(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
			p.notef("POST chunked: %v", x.answer())
			p.outcome()
		}},
		{name: "chunked body", play: func(p *play) {
			p.enter()
			p.asked++
			x := startExchange(p.t, p.addr, "POST", p.path("polling"), "Transfer-Encoding: chunked")
			x.write("4\r\n42[\"\r\n")
			x.write("b\r\nmessage\",1]\r\n0\r\n\r\n")
			p.notef("POST chunked: %v", x.answer())
			p.poll(1)
		}},
		{name: "invalid chunks", play: func(p *play) {
			p.enter()
			p.asked++
			x := startExchange(p.t, p.addr, "POST", p.path("polling"), "Transfer-Encoding: chunked")
			x.write("4\r\n42[\"\r\nxyz\r\n")
			p.notef("POST chunked: %d", x.answer().status)
			p.left()
		}},
		{name: "compressed body", play: func(p *play) {
			p.enter()
			body := zipped(`42["message","hello"]`)
			p.notef("POST gzip: %v", p.startPost(body, "Content-Encoding: gzip").answer())
			p.outcome()
		}},
		{name: "compressed body that is large inside", play: func(p *play) {
			p.enter()
			body := zipped(big(20 * maxPayload))
			if len(body) > maxPayload/10 {
				t.Fatal("the body does not expand")
			}
			p.notef("POST gzip: %v", p.startPost(body, "Content-Encoding: gzip").answer())
			p.outcome()
		}},
		{name: "binary content type", play: after("\x04\x00", "Content-Type: application/octet-stream")},
		{name: "form content type", play: after(`3`, "Content-Type: application/x-www-form-urlencoded")},
		{name: "another charset", play: after(`3`, "Content-Type: text/plain; charset=ISO-8859-1")},
		{name: "empty body", play: after("")},
		{name: "POST without length", play: func(p *play) {
			p.enter()
			p.asked++
			x := startExchange(p.t, p.addr, "POST", p.path("polling"))
			p.notef("POST: %v", x.answer())
			p.outcome()
		}},
		{name: "a separator alone", play: after("\x1e")},
		{name: "many separators", play: after(strings.Repeat("\x1e", 50))},
		{name: "a separator in front", play: after("\x1e3")},
		{name: "a separator behind", play: after("3\x1e")},
		{name: "packet types 7 to 9", play: after("9")},
		{name: "an event, then an unknown packet", play: func(p *play) {
			p.enter()
			p.post("42[\"message\",1]\x1eabc\x1e42[\"message\",2]")
			p.left()
		}},
		{name: "an event after close", play: func(p *play) {
			p.enter()
			p.post("1\x1e42[\"message\",2]")
			p.outcome()
		}},
		{name: "bad base64", play: func(p *play) {
			p.enter()
			p.post("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1eb!!!")
			p.poll(2)
		}},
		{name: "base64 without padding", play: func(p *play) {
			p.enter()
			p.post("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA")
			p.poll(2)
		}},
		{name: "base64 of URLs", play: func(p *play) {
			p.enter()
			p.post("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1eb-_-_")
			p.poll(2)
		}},
		{name: "empty attachment", play: func(p *play) {
			p.enter()
			p.post("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1eb")
			p.poll(2)
		}},
		{name: "invalid UTF-8", play: func(p *play) {
			p.enter()
			p.notef("POST: %v", p.startPost("42[\"message\",\"\xff\"]").answer())
			p.notef("poll < %+q", p.packets(1))
		}},
		{name: "NUL", play: after("\x00")},

		{name: "open from the client", play: after("0")},
		{name: "open with a payload from the client", play: after(`0{"sid":"mine"}`)},
		{name: "ping from the client", play: after("2")},
		{name: "probe by polling", play: after("2probe")},
		{name: "pong without a request", play: after("3")},
		{name: "upgrade by polling", play: after("5")},
		{name: "noop from the client", play: after("6")},
		{name: "close with a payload", play: after("1bye")},

		{name: "POST that is cut half way", play: func(p *play) {
			p.enter()
			p.halfPost().cancel()
			p.left()
			p.get()
		}},
		{name: "POST that is cut half way, a poll waits", play: func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			p.halfPost().cancel()
			p.notef("GET: %v", waiting.answer())
			p.left()
		}},
		{name: "two POSTs at once, a poll waits", play: func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			first := p.halfPost()
			p.post("3")
			p.notef("first POST: %v", first.answer())
			p.notef("GET: %v", waiting.answer())
			p.left()
		}},
		{name: "two polls at once, a POST half way", play: func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			half := p.halfPost()
			p.get()
			p.notef("first GET: %v", waiting.answer())
			p.notef("POST: %v", half.answer())
			p.left()
		}},
		{name: "GET with a body", play: func(p *play) {
			p.enter()
			p.asked++
			x := send(p.t, p.addr, "GET", p.path("polling"), `42["message",1]`)
			p.settle()
			p.post(`42["message",2]`)
			p.notef("GET: %v", x.answer())
		}},
		{name: "poll that is cut while something is sent", play: func(p *play) {
			p.enter()
			p.heldPoll().cancel()
			p.left()
			p.post(`42["message",1]`)
		}},
		{name: "close while a poll waits", play: func(p *play) {
			p.enter()
			waiting := p.heldPoll()
			p.post("1")
			p.notef("GET: %v", waiting.answer())
			p.left()
		}},
		{name: "close without a poll", play: after("1")},
	})
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}
