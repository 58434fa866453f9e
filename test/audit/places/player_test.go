package places_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// player is a client that does random things, and ignores what it is answered.
type player struct {
	t    *testing.T
	rand *rand.Rand
	addr string
	kind string
	pids *pids
	pid  string // of its connection
}

// pids are the private ids that clients may reconnect with.
type pids struct {
	mu  sync.Mutex
	all []string
}

func (p *pids) add(auth string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, auth)
}

func (p *pids) take(r *rand.Rand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return ""
	}
	i := len(p.all) - 1 - r.IntN(min(3, len(p.all))) // older ones are forgotten
	auth := p.all[i]
	p.all = p.all[:i]
	return auth
}

func (p *player) play() {
	p.pid = ""
	switch {
	case p.kind == "ws":
		p.socket("/", p.plainEvent)
	case p.kind == "socketio" && p.rand.IntN(3) == 0:
		p.resume()
	case p.rand.IntN(2) == 0:
		p.socket("/socket.io/?EIO=4&transport=websocket", p.packet)
	default:
		p.polling()
	}
}

// resume loses its connection several times, and returns as the same client, sometimes twice at once.
func (p *player) resume() {
	ns := []string{"", "/one,", "/rooms/5,"}[p.rand.IntN(3)]
	auth := ""
	for range 4 {
		var all []*rawpeer.Peer
		for range 1 + p.rand.IntN(3)/2 {
			c, err := rawpeer.TryDial(p.t, p.addr)
			if err != nil {
				return
			}
			c.Timeout = 400 * time.Millisecond
			all = append(all, c)
			_ = c.TryWrite(rawpeer.Upgrade("/socket.io/?EIO=4&transport=websocket"))
			_, _ = c.TryAnswer()
			_ = c.TrySend("40" + ns + auth)
		}
		if p.rand.IntN(3) > 0 {
			for range 4 {
				got, err := all[0].Next()
				if err != nil {
					break
				}
				p.note(got.Payload)
			}
			auth = p.pids.take(p.rand)
		}
		for _, c := range all {
			c.Reset()
		}
	}
}

func (p *player) plainEvent() string {
	return fmt.Sprintf(`{"event":%q,"data":%d,"id":1}`, p.event(), p.rand.IntN(5))
}

func (p *player) event() string {
	return []string{"do", "do", "do", "task", "task", "kick", "join", "none"}[p.rand.IntN(8)]
}

// packet returns a random packet of Socket.IO.
func (p *player) packet() string {
	ns := []string{"", "", "/one,", "/two,", "/rooms/5,", "/none,"}[p.rand.IntN(6)]
	switch p.rand.IntN(10) {
	case 0, 1, 2:
		return "40" + ns + p.pids.take(p.rand)
	case 3:
		return "41" + ns
	case 4:
		return []string{"1", "3", "2", "9", "", "42", `451-["do",{"_placeholder":true,"num":0}]`}[p.rand.IntN(7)]
	}
	return "42" + ns + "7" + `["` + p.event() + `",` + strconv.Itoa(p.rand.IntN(5)) + "]"
}

// socket opens a WebSocket, and leaves it in a random way.
func (p *player) socket(target string, next func() string) {
	c, err := rawpeer.TryDial(p.t, p.addr)
	if err != nil {
		return
	}
	c.Timeout = 400 * time.Millisecond
	lines := []string{}
	if p.rand.IntN(20) == 0 {
		lines = append(lines, "Sec-WebSocket-Version: 8")
	}
	if p.rand.IntN(20) == 0 {
		lines = append(lines, "Origin: https://other.example")
	}
	up := rawpeer.Upgrade(target, lines...)
	if p.rand.IntN(8) == 0 { // it leaves at once
		_ = c.TryWrite(up[:p.rand.IntN(len(up)+1)])
		p.leave(c)
		return
	}
	_ = c.TryWrite(up)
	if a, err := c.TryAnswer(); err != nil || a.Status != http.StatusSwitchingProtocols {
		p.leave(c)
		return
	}
	p.talk(c, next)
	p.leave(c)
}

func (p *player) talk(c *rawpeer.Peer, next func() string) {
	if p.kind != "ws" && p.rand.IntN(4) > 0 {
		_ = c.TrySend("40" + p.pids.take(p.rand))
	}
	for range p.rand.IntN(12) {
		switch p.rand.IntN(8) {
		case 0:
			got, _ := c.Next()
			p.note(got.Payload)
		case 1:
			_ = c.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPing, Payload: "x"}.Bytes()[:1+p.rand.IntN(6)])
			return
		default:
			_ = c.TrySend(next())
		}
	}
	for range p.rand.IntN(7) {
		got, err := c.Next()
		if err != nil {
			return
		}
		p.note(got.Payload)
	}
}

// note keeps the private id of an answer, with the offset of an event.
func (p *player) note(body string) {
	for text := range strings.SplitSeq(body, "\x1e") {
		if _, rest, ok := strings.Cut(text, `"pid":"`); ok {
			p.pid, _, _ = strings.Cut(rest, `"`)
		}
		if before, ok := strings.CutSuffix(text, `"]`); ok && p.pid != "" && strings.Contains(text, `["news"`) {
			p.pids.add(`{"pid":"` + p.pid + `","offset":"` + before[strings.LastIndexByte(before, '"')+1:] + `"}`)
		}
	}
}

func (p *player) leave(c *rawpeer.Peer) {
	switch p.rand.IntN(5) {
	case 0:
		_ = c.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpClose, Payload: rawpeer.ClosePayload(1000, "")}.Bytes())
		_, _ = c.Next()
		c.Close()
	case 1:
		c.Reset()
	case 2:
		c.HalfClose()
		_, _ = c.Next()
		c.Close()
	case 3: // the server has to find out
		_, _ = c.Next()
		_, _ = c.Next()
		c.Close()
	default:
		c.Close()
	}
}

func (p *player) polling() {
	e := rawpeer.NewEngine(p.t, p.addr)
	do := func(raw string) (rawpeer.Answer, error) {
		c, err := rawpeer.TryDial(p.t, p.addr)
		if err != nil {
			return rawpeer.Answer{}, err
		}
		defer c.Close()
		c.Timeout = 400 * time.Millisecond
		if p.rand.IntN(20) == 0 { // it does not wait for the answer
			_ = c.TryWrite(raw[:p.rand.IntN(len(raw)+1)])
			return rawpeer.Answer{}, nil
		}
		_ = c.TryWrite(raw)
		return c.TryAnswer()
	}
	a, err := do(rawpeer.Request(http.MethodGet, e.Query("polling", "")) + "\r\n")
	if err != nil || a.Status != http.StatusOK {
		return
	}
	sid := a.Get("sid")
	get := rawpeer.Request(http.MethodGet, e.Query("polling", sid)) + "\r\n"
	post := func(body string) string { return rawpeer.Post(e.Query("polling", sid), body) }
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range p.rand.IntN(8) {
		switch p.rand.IntN(8) {
		case 0:
			a, _ := do(get)
			p.note(a.Body)
		case 1:
			q := &player{t: p.t, rand: rand.New(rand.NewPCG(p.rand.Uint64(), 1)), addr: p.addr, kind: p.kind, pids: p.pids}
			wg.Go(func() {
				q.socket(e.Query("websocket", sid), func() string { return []string{"2probe", "5", "40", q.packet()}[q.rand.IntN(4)] })
			})
		case 2:
			wg.Go(func() {
				if c, err := rawpeer.TryDial(p.t, p.addr); err == nil {
					defer c.Close()
					c.Timeout = 400 * time.Millisecond
					_ = c.TryWrite(get)
					_, _ = c.TryAnswer()
				}
			})
		default:
			packets := []string{p.packet(), p.packet(), p.packet()}[:1+p.rand.IntN(3)]
			if i == 0 {
				packets[0] = "40" + p.pids.take(p.rand)
			}
			_, _ = do(post(strings.Join(packets, "\x1e")))
		}
	}
}
