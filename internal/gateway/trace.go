package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// trace returns the trace context that goes to other nodes with what is sent with a context.
func (s *server) trace(ctx context.Context) string {
	if t := s.hooks().Traceparent(ctx); tracecontext.Valid(t) {
		return t
	}
	return ""
}

// traceOfHandshake returns the trace context of a connection: of its request, or of what a client has sent with its namespace,
// because pages in browsers cannot set headers of WebSocket.
func traceOfHandshake(h *adapter.Handshake) (parent, state string) {
	if parent, state = traceOfRequest(h.Request); parent != "" || len(h.Auth.JSON) == 0 {
		return parent, state
	}
	var auth struct {
		Traceparent string `json:"traceparent"`
		Tracestate  string `json:"tracestate"`
	}
	if h.Auth.Decode(&auth) != nil {
		return "", ""
	}
	return validTrace(auth.Traceparent, auth.Tracestate)
}

func traceOfRequest(r *http.Request) (parent, state string) {
	if all := r.Header["Traceparent"]; len(all) == 1 { // several are none, https://www.w3.org/TR/trace-context/#traceparent-header
		return validTrace(all[0], strings.Join(r.Header["Tracestate"], ","))
	}
	return "", ""
}

// validTrace returns a trace context without what has another form.
func validTrace(parent, state string) (string, string) {
	switch {
	case !tracecontext.Valid(parent):
		return "", ""
	case !tracecontext.ValidState(state):
		return parent, ""
	}
	return parent, state
}
