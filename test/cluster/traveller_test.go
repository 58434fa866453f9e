package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// stamp is an event of the load: the n-th of a source.
type stamp struct {
	Source int
	N      int
}

// traveller is a client of Socket.IO that moves between nodes, and what it has received.
type traveller struct {
	conn        *websocket.Conn
	pid, offset string
	id          string
	at          int // its node
	last        map[int]int
	lost        bool // it has become a new one
	dial        *websocket.DialOptions
	early       []string // events before the answer: Node sends those that the client has missed
}

// dialFrom returns the options of the n-th client of a test, which has an address of its own. 127.0.0.0/8 is the loopback
// network of Linux.
func dialFrom(n int) *websocket.DialOptions {
	n += 1 << 8 // 127.0.1.0 is the first
	from := &net.TCPAddr{IP: net.IPv4(127, byte(n>>16), byte(n>>8), byte(n))}
	return &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: from}).DialContext, DisableKeepAlives: true,
	}}}
}

// errNew: the client is a new one. errCut: the server has closed the connection instead of an answer.
var (
	errNew = errors.New("it is a new client")
	errCut = errors.New("the server has closed the connection")
)

// connect connects to a node, as the client that it was before; another id is an error.
func (v *traveller) connect(n *node) error {
	return v.connectWith(n.URL(), map[string]any{"pid": v.pid, "offset": v.offset})
}

func (v *traveller) connectWith(url string, what map[string]any) error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	var err error
	v.conn, _, err = websocket.Dial(ctx, url+"/socket.io/?EIO=4&transport=websocket", v.dial)
	if err != nil {
		return err
	}
	v.conn.SetReadLimit(1 << 20)
	if _, err = v.next(ctx, "0"); err != nil {
		return err
	}
	auth, _ := json.Marshal(what)
	if err = v.conn.Write(ctx, websocket.MessageText, append([]byte("40"), auth...)); err != nil {
		return err
	}
	text, err := v.next(ctx, "40")
	if e, is := errors.AsType[websocket.CloseError](err); is && v.id != "" && e.Code == websocket.StatusGoingAway {
		return fmt.Errorf("client %s is cut off while it resumes, %q: %w", v.id, e.Reason, errCut)
	} else if err != nil {
		return err
	}
	var answer struct{ SID, PID string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	before, key := v.id, v.pid
	v.id, v.pid = answer.SID, answer.PID
	return sameClient(before, key, v)
}

// sameClient returns an error when a traveller, which had an id and a private id, has others.
func sameClient(id, key string, v *traveller) error {
	switch {
	case id == "":
	case id != v.id:
		return fmt.Errorf("client %s is %s at another node: %w", id, v.id, errNew)
	case key != v.pid:
		return fmt.Errorf("client %s has another private id at another node", id)
	}
	return nil
}

// next returns the next packet, which must have a prefix. It answers pings.
func (v *traveller) next(ctx context.Context, prefix string) ([]byte, error) {
	for {
		_, text, err := v.conn.Read(ctx)
		switch rest, is := bytes.CutPrefix(text, []byte(prefix)); {
		case err != nil:
			return nil, fmt.Errorf("client %s: %w", v.id, err)
		case string(text) == "2":
			_ = v.conn.Write(ctx, websocket.MessageText, []byte("3"))
		case is:
			return rest, nil
		case prefix == "40" && bytes.HasPrefix(text, []byte("42")):
			v.early = append(v.early, string(text))
		default:
			return nil, fmt.Errorf("client %s: %s, want %s…", v.id, text, prefix)
		}
	}
}

// read reads one event, and reports whether it is not the next one of its source. Those count from 1.
func (v *traveller) read() error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	text, err := v.next(ctx, "42")
	if err != nil {
		return err
	}
	var args [3]json.RawMessage // name, stamp, offset
	var s stamp
	if err := errors.Join(json.Unmarshal(text, &args), json.Unmarshal(args[1], &s), json.Unmarshal(args[2], &v.offset)); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	if want := v.last[s.Source] + 1; s.N != want {
		return fmt.Errorf("client %s: source %d: event %d after %d", v.id, s.Source, s.N, want-1)
	}
	v.last[s.Source] = s.N
	return nil
}

// ioEvent reads an event and notes its position.
func (v *traveller) ioEvent() (name string, payload json.RawMessage, err error) {
	text, err := v.next(context.Background(), "42")
	if err != nil {
		return "", nil, err
	}
	var args []json.RawMessage
	if err := json.Unmarshal(text, &args); err != nil || len(args) < 2 {
		return "", nil, fmt.Errorf("%s: %w", text, err)
	}
	var offset string
	if err := errors.Join(json.Unmarshal(args[0], &name), json.Unmarshal(args[len(args)-1], &offset)); err != nil {
		return "", nil, fmt.Errorf("%s: %w", text, err)
	}
	v.offset = offset
	return name, args[1], nil
}
