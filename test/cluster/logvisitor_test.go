package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// logVisitor is a client that connects to nodes at random, joins and leaves rooms, and keeps what it receives.
type logVisitor struct {
	traveller

	of     *logTown
	number int
	killed bool        // its last connection was not cut by itself
	cut    atomic.Bool // it has cut the connection

	mu         sync.Mutex
	name       string // its id, once it has entered
	positioned bool   // it has an event, since it was a new client
	rooms      map[string]*logStay
	own        *logStay // events for it alone
	stays      []*logStay
	last       uint64   // position
	asked      string   // the request that was not answered: its event and room
	recent     []string // frames, and requests
	left       map[string]time.Time
}

// logStay is what a client received of a room, from when it joined.
type logStay struct {
	of      string // room or client
	client  int
	state   stayState
	before  map[int]int // numbers of each source when the join was acknowledged; nil: was not
	floor   map[int]int // of events for the client alone: those up to these numbers were for the client that it was before
	got     map[stamp]bool
	first   stamp // the first with a position
	last    stamp // and the last
	ended   bool
	resumes int // recoveries
	trail   []string
}

type stayState int

const (
	stayJoins stayState = iota
	stayIn
	stayLeaves
)

func (c *logVisitor) stay(of string) *logStay {
	s := &logStay{of: of, client: c.number, got: map[stamp]bool{}}
	c.stays = append(c.stays, s)
	return s
}

// justLeft is for how long an event of a room may arrive that was on its way when the client left: handlers do not wait for the delivery.
const justLeft = 100 * time.Millisecond

// plain reports whether it is a client of plain WebSocket: every other one.
func (c *logVisitor) plain() bool { return c.number%2 == 1 && !c.of.control }

// run connects again and again until the end.
func (c *logVisitor) run(rnd *rand.Rand) {
	if runtime.GOOS == "linux" {
		c.dial = dialFrom(c.number)
	}
	for c.of.ctx.Err() == nil {
		if c.visit(rnd) != nil {
			pause(time.Duration(20+rnd.IntN(60)) * time.Millisecond) // the node was killed
			continue
		}
		pause(time.Duration(20+rnd.IntN(200)) * time.Millisecond)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// visit connects as the client that it was, and reads until the connection ends.
func (c *logVisitor) visit(rnd *rand.Rand) error {
	n := c.of.any(rnd)
	former := c.id != "" && c.pid != "" && c.positioned
	if !former {
		c.id, c.pid, c.offset = "", "", ""
	}
	calm := c.of.calm()
	pid, offset := c.pid, c.offset
	c.early = nil
	var err error
	if c.plain() {
		err = c.connectPlain("http://" + n.addr + "/ws")
	} else {
		err = c.connectWith("http://"+n.addr, map[string]any{"pid": c.pid, "offset": c.offset})
	}
	same := err == nil && former
	if err != nil && !errors.Is(err, errNew) {
		if c.conn != nil {
			_ = c.conn.CloseNow()
		}
		return err
	}
	c.of.count(former, same, calm && c.of.calm(), c.killed)
	if former && !same && (!c.of.control || c.of.back.Load() < 6) {
		c.of.t.Logf("client %d is a new one at node %d: it has connected by %s, %s, calm %t", c.number, n.start, pid, offset, calm)
	}
	c.entered(same)
	c.cut.Store(false)
	ctx, cancel := context.WithCancel(c.of.ctx)
	var asks sync.WaitGroup
	conn := c.conn
	asks.Go(func() { c.askAll(ctx, conn, rand.New(rand.NewPCG(rnd.Uint64(), 0))) })
	defer func() { cancel(); _ = conn.CloseNow(); asks.Wait() }()
	for _, text := range c.early {
		if err := c.receive(conn, n, text); err != nil {
			c.of.wrong.Add(1)
		}
	}
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			c.killed = !c.cut.Load()
			return nil
		}
		if err := c.receive(conn, n, string(text)); err != nil {
			if c.of.control {
				if c.of.wrong.Add(1) < 6 {
					c.of.t.Log(err)
				}
				continue
			}
			c.of.t.Errorf("%v: after\n%s", err, strings.Join(c.recent, "\n"))
			return nil
		}
	}
}

// entered notes a connection.
func (c *logVisitor) entered(same bool) {
	c.mu.Lock()
	c.name = c.id
	defer c.mu.Unlock()
	c.asked, c.recent = "", append(c.recent, fmt.Sprint("connected, recovered ", same, " by ", c.offset))
	if same {
		for _, s := range c.rooms {
			s.resumes++
			s.trail = append(s.trail, time.Now().Format("05.000")+" recovered by "+c.offset)
		}
		c.own.resumes++
		return
	}
	if c.own != nil {
		c.own.ended = true
	}
	for _, s := range c.rooms {
		s.ended = true
	}
	c.positioned, c.last, c.rooms, c.left = false, 0, map[string]*logStay{}, map[string]time.Time{}
	c.own = c.stay(strconv.Itoa(c.number))
	c.own.state, c.own.floor = stayIn, c.of.numbers(c.own.of)
}

// askAll sends requests: first of all which rooms the server has.
func (c *logVisitor) askAll(ctx context.Context, conn *websocket.Conn, rnd *rand.Rand) {
	for first := true; ctx.Err() == nil; first = false {
		if c.ask(ctx, conn, rnd, first) != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(20+rnd.IntN(150)) * time.Millisecond):
		}
		if !first && rnd.IntN(c.of.cuts) == 0 && !c.of.final.Load() {
			c.cut.Store(true)
			_ = conn.CloseNow()
		}
	}
}

func (c *logVisitor) ask(ctx context.Context, conn *websocket.Conn, rnd *rand.Rand, first bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked != "" || c.of.final.Load() && !first {
		return nil
	}
	event, room := "rooms", roomName(rnd.IntN(c.of.rooms))
	if !first {
		switch s := c.rooms[room]; {
		case s == nil:
			event = "join"
			c.rooms[room] = c.stay(room)
		case s.state == stayIn && rnd.IntN(4) == 0:
			event = "leave"
			s.state = stayLeaves
		default:
			return nil
		}
	}
	c.asked = event + "/" + room
	c.recent = append(c.recent, "asks "+c.asked)
	text := fmt.Sprintf(`421[%q,%q]`, event, room)
	if c.plain() {
		text = fmt.Sprintf(`{"event":%q,"data":%q,"id":1}`, event, room)
	}
	return conn.Write(ctx, websocket.MessageText, []byte(text))
}

// receive takes a frame.
func (c *logVisitor) receive(conn *websocket.Conn, n *logProcess, text string) error {
	var f struct {
		Event string
		Data  json.RawMessage
		Pos   string
		ID    int
	}
	switch {
	case text == "2":
		return conn.Write(context.Background(), websocket.MessageText, []byte("3"))
	case c.plain():
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	case strings.HasPrefix(text, "431["):
		f.ID, f.Data = 1, json.RawMessage(strings.TrimSuffix(text[4:], "]"))
	case strings.HasPrefix(text, "42["):
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(text[2:]), &args); err != nil || len(args) < 2 {
			return fmt.Errorf("%s: %w", text, err)
		}
		f.Data = args[1]
		_ = json.Unmarshal(args[0], &f.Event)
		_ = json.Unmarshal(args[len(args)-1], &f.Pos)
	}
	if f.Pos != "" {
		c.offset = f.Pos
	}
	c.mu.Lock()
	c.recent = append(c.recent[max(0, len(c.recent)-30):], fmt.Sprintf("node %d: %s", n.start, text))
	c.mu.Unlock()
	switch {
	case f.ID == 1:
		return c.answered(n, f.Data)
	case f.Event == "n":
		return c.event(n, f.Data, f.Pos)
	}
	return nil
}

// answered takes the answer of a request.
func (c *logVisitor) answered(n *logProcess, data json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	event, room, _ := strings.Cut(c.asked, "/")
	c.asked = ""
	switch event {
	case "join":
		c.rooms[room].state = stayIn
		c.rooms[room].before = c.of.numbers(room)
		c.rooms[room].trail = append(c.rooms[room].trail, fmt.Sprintf("%s node %d: joined", time.Now().Format("05.000"), n.start))
		n.acked()
	case "leave":
		c.rooms[room].ended = true
		delete(c.rooms, room)
		c.left[room] = time.Now()
	case "rooms":
		return c.has(data)
	}
	return nil
}

// has compares the rooms that the server has with those that it has acknowledged.
func (c *logVisitor) has(data json.RawMessage) error {
	var has []string
	if err := json.Unmarshal(data, &has); err != nil {
		return fmt.Errorf("%s: %w", data, err)
	}
	for _, room := range has {
		if c.rooms[room] == nil {
			return fmt.Errorf("client %d, %s: is in %s, which it has left", c.number, c.id, room)
		}
	}
	for room, s := range maps.Clone(c.rooms) {
		switch in := slices.Contains(has, room); {
		case in:
			s.state = stayIn
		case s.state == stayIn:
			return fmt.Errorf("client %d, %s: is recovered, and out of %s, which it has joined", c.number, c.id, room)
		default:
			s.ended = true
			delete(c.rooms, room)
		}
	}
	return nil
}

// event takes an event. The position of one that has no position is not a number that increases.
func (c *logVisitor) event(n *logProcess, data json.RawMessage, offset string) error {
	var x stamp
	if err := json.Unmarshal(data, &x); err != nil {
		return fmt.Errorf("%s: %w", data, err)
	}
	pos, err := strconv.ParseUint(offset, 36, 64)
	if ms, seq, two := strings.Cut(offset, "-"); two { // Node's
		pos, err = strconv.ParseUint(ms, 10, 64)
		n, _ := strconv.ParseUint(seq, 10, 64)
		pos = pos<<20 + n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.positioned = true
	s := c.own
	if target := c.of.target(x); target != s.of {
		s = c.rooms[target]
	}
	switch {
	case s == nil && time.Since(c.left[c.of.target(x)]) < justLeft:
		c.of.late.Add(1)
		return nil
	case s == nil:
		return fmt.Errorf("client %d, %s: received %+v of a room that it is not in", c.number, c.id, x)
	case s.got[x]:
		return fmt.Errorf("client %d, %s: received %+v twice, at %s", c.number, c.id, x, offset)
	case err == nil && pos != 0 && pos <= c.last && c.of.control:
		c.of.disorder.Add(1)
	case err == nil && pos != 0 && pos <= c.last:
		return fmt.Errorf("client %d, %s: received %+v at %s after %s", c.number, c.id, x, offset, strconv.FormatUint(c.last, 36))
	}
	s.got[x] = true
	s.trail = append(s.trail, fmt.Sprintf("%s node %d: %+v at %s", time.Now().Format("05.000"), n.start, x, offset))
	c.of.deliveries.Add(1)
	if err == nil && pos != 0 {
		c.last, s.last = pos, x
		if s.first.N == 0 {
			s.first = x
		}
	}
	return nil
}
