package adminui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// maxPayload is how many bytes of a payload a page sees.
const maxPayload = 4 << 10

// timeForm is that of JavaScript's Date as JSON.
const timeForm = "2006-01-02T15:04:05.000Z"

// hidden is what a page sees of credentials.
const hidden = "[hidden]"

// socket is a client, as the page has it.
type socket struct {
	ID        string    `json:"id"`
	ClientID  string    `json:"clientId"`
	Transport string    `json:"transport"`
	Nsp       string    `json:"nsp"`
	Data      struct{}  `json:"data"` // values of clients are the application's own
	Handshake handshake `json:"handshake"`
	Rooms     []string  `json:"rooms"`
}

type handshake struct {
	Address string            `json:"address"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Issued  int64             `json:"issued"` // in milliseconds
	Secure  bool              `json:"secure"`
	Time    string            `json:"time"`
	URL     string            `json:"url"`
	Xdomain bool              `json:"xdomain"`
}

// namespaceStats is a namespace in the statistics of a node.
type namespaceStats struct {
	Name         string `json:"name"`
	SocketsCount int    `json:"socketsCount"`
}

// serialize returns a client as the page has it. Like Socket.IO's own sockets it is in the room of its id.
func serialize(e entry) socket {
	c := e.client
	return socket{
		ID: c.ID(), ClientID: clientID(e.conn), Transport: c.Transport(), Nsp: nspOf(c),
		Handshake: handshakeOf(c), Rooms: append([]string{c.ID()}, c.Rooms()...),
	}
}

func clientID(conn uint64) string { return fmt.Sprintf("%012x", conn&(1<<48-1)) }

func handshakeOf(c websockets.Client) handshake {
	at := c.ConnectedAt()
	h := handshake{
		Address: websockets.RemoteAddr(c).String(), Headers: map[string]string{}, Query: map[string]string{},
		Issued: at.UnixMilli(), Time: at.Format("Mon Jan 02 2006 15:04:05 GMT-0700 (MST)"),
	}
	r := c.Request()
	if r == nil {
		return h
	}
	h.Secure = r.TLS != nil
	if r.Host != "" {
		h.Headers["host"] = r.Host
	}
	for name, values := range r.Header {
		h.Headers[strings.ToLower(name)] = headerOf(name, values)
	}
	h.Xdomain = r.Header.Get("Origin") != ""
	query := r.URL.Query()
	for name, values := range query {
		if secretQuery(name) {
			query[name] = []string{hidden}
			values = query[name]
		}
		h.Query[name] = values[0]
	}
	shown := url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
	h.URL = shown.String()
	return h
}

func headerOf(name string, values []string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Cookie", "Proxy-Authorization", "Sec-Websocket-Protocol":
		return hidden
	}
	return strings.Join(values, ", ")
}

func secretQuery(name string) bool {
	return slices.Contains([]string{"token", "access_token", "code"}, strings.ToLower(name))
}

// list returns a JSON array of values that encoding/json can encode.
func list(values ...any) []byte {
	b, err := json.Marshal(values)
	if err != nil { // a value of this package that has no JSON
		return []byte("[]")
	}
	return b
}

// eventArgs returns nsp, id, [event, …arguments] and time, as event_received and event_sent have them. The payload is copied; of a
// large one it is the size only, and attachments are placeholders.
func eventArgs(nsp, id, event string, p websockets.Payload, at time.Time) []byte {
	b := list(nsp, id, event)
	b = append(b[:len(b)-1-len(quoted(event))], '[')
	b = append(b, quoted(event)...)
	switch {
	case p.IsZero():
	case p.Size() > maxPayload:
		b = append(b, ',')
		b = append(b, quoted("("+strconv.Itoa(p.Size())+" bytes)")...)
	case p.Spread && len(p.JSON) > 2:
		b = append(b, ',')
		b = append(b, p.JSON[1:len(p.JSON)-1]...)
	case !p.Spread:
		b = append(b, ',')
		b = append(b, p.JSON...)
	}
	b = append(b, ']', ',')
	b = append(b, quoted(stamp(at))...)
	return append(b, ']')
}

func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return b
}

func stamp(t time.Time) string { return t.UTC().Format(timeForm) }
