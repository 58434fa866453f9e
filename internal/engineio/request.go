package engineio

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxQuery bounds the query string, which may carry a token.
const maxQuery = 16 << 10

// problem is a refused request in the form of Engine.IO.
// https://socket.io/docs/v4/server-api/#event-connection_error
type problem struct {
	status  int
	header  http.Header    // additional headers
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Details string         `json:"details,omitzero"`
	Data    jsontext.Value `json:"data,omitzero"`
}

func errTransport(details string) *problem {
	return &problem{status: http.StatusBadRequest, Code: 0, Message: "Transport unknown", Details: details}
}
func errSession() *problem {
	return &problem{status: http.StatusBadRequest, Code: 1, Message: "Session ID unknown"}
}
func errMethod(status int) *problem {
	return &problem{status: status, Code: 2, Message: "Bad handshake method"}
}
func errRequest(details string) *problem {
	return &problem{status: http.StatusBadRequest, Code: 3, Message: "Bad request", Details: details}
}
func errVersion(eio string) *problem {
	return &problem{
		status: http.StatusBadRequest, Code: 5, Message: "Unsupported protocol version",
		Details: "this server speaks Engine.IO 4 (Socket.IO clients 3 and 4), the request has EIO=" + strconv.Quote(eio),
	}
}

func errStatus(status int, details string) *problem {
	p := errRequest(details)
	p.status = status
	return p
}

var (
	errInternal = errors.New("engine.io: internal error")
	errOrigin   = &websockets.Error{
		Message: "Origin is not allowed", Code: websockets.CodeForeignOrigin, Status: http.StatusForbidden,
	}
)

// refused returns the problem for an error of the application's check.
func refused(err error) *problem {
	r := adapter.RefusalOf(err)
	return &problem{status: r.Status, header: r.Header, Code: 4, Message: r.Message, Data: r.Data}
}

// refusedUpgrade returns the problem for an invalid WebSocket handshake.
func refusedUpgrade(err error) *problem {
	r := adapter.RefusalOf(err)
	return &problem{status: r.Status, header: r.Header, Code: 3, Message: "Bad request", Details: r.Message}
}

func (p *problem) write(w http.ResponseWriter) {
	b, err := json.Marshal(p)
	if err != nil { // a number and strings
		b = []byte(`{"code":3,"message":"Bad request"}`)
	}
	h := w.Header()
	setHeader(h, "application/json; charset=utf-8", len(b))
	maps.Copy(h, p.header)
	w.WriteHeader(p.status)
	_, _ = w.Write(b) //nolint:gosec // JSON with nosniff
}

type query struct {
	transport, sid, eio string
	upgrade             bool // to WebSocket
	base64              bool // see Session.base64
}

func (s *Server) parse(r *http.Request) (q query, p *problem) {
	if len(r.URL.RawQuery) > maxQuery {
		return q, errStatus(http.StatusRequestURITooLong, "the query string is longer than "+strconv.Itoa(maxQuery)+" bytes")
	}
	v, _ := url.ParseQuery(r.URL.RawQuery) // parameters that do not parse are not ours
	for _, name := range []string{"EIO", "transport", "sid"} {
		if len(v[name]) > 1 {
			return q, errRequest(name + " is there more than once")
		}
	}
	q = query{transport: v.Get("transport"), sid: v.Get("sid"), eio: v.Get("EIO"), base64: v.Get("b64") != ""}
	switch q.transport {
	case "polling":
		if !s.cfg.Polling {
			return q, errTransport("this server does not offer polling")
		}
	case "websocket":
		if !s.cfg.WebSocket {
			return q, errTransport("this server does not offer websocket")
		}
		q.upgrade = true
	default:
		return q, errTransport("")
	}
	if v.Has("j") {
		return q, errRequest("JSONP polling belongs to Engine.IO 3")
	}
	return q, nil
}

// check returns why the request cannot use the session, or open a new one.
func (s *Server) check(r *http.Request, q query, session *Session) *problem {
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch {
	case q.sid != "" && session == nil:
		return errSession()
	case q.sid == "" && r.Method != http.MethodGet:
		return errMethod(http.StatusBadRequest)
	case upgrade != q.upgrade:
		return errRequest("transport " + q.transport + " does not fit the request")
	case q.eio != "4":
		return errVersion(q.eio)
	case session == nil:
		return nil
	case q.upgrade && !s.cfg.Upgrades:
		return errRequest("this server does not upgrade transports")
	case !q.upgrade && session.websocket():
		return errRequest("the session has changed to websocket")
	}
	return nil
}
