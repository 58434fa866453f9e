package ws

import (
	"maps"
	"net/http"
	"strings"
)

// A client that resumes offers, besides gatehouse.v1, a subprotocol that starts with resumePrefix,
// with its private id, a dot, and the position of the last event that it has received. There they
// are before the client is admitted, so that guards run and refuse as for others, and in no URL,
// which proxies log. The application does not see it.
const resumePrefix = "gatehouse.resume."

const protocolHeader = "Sec-Websocket-Protocol" // as a key of http.Header

// The longest parts of an offer to resume, in bytes.
const (
	maxResumeKey      = 128
	maxResumePosition = 16
)

// takeResume returns a request without its offers to resume, and the parts of the first one that
// is valid; empty without one. It returns r itself when there is none.
func takeResume(r *http.Request) (without *http.Request, key, position string) {
	offers := strings.Join(r.Header[protocolHeader], ",")
	if !strings.Contains(offers, resumePrefix) {
		return r, "", ""
	}
	var rest []string
	for offer := range strings.SplitSeq(offers, ",") {
		offer = strings.TrimSpace(offer)
		switch values, resumes := strings.CutPrefix(offer, resumePrefix); {
		case !resumes:
			rest = append(rest, offer)
		case key == "":
			key, position = resumeParts(values)
		}
	}
	without = r.WithContext(r.Context())
	without.Header = maps.Clone(r.Header)
	without.Header[protocolHeader] = []string{strings.Join(rest, ", ")}
	return without, key, position
}

// resumeParts returns the private id and the position of an offer; empty if it is none.
func resumeParts(values string) (key, position string) {
	key, position, ok := strings.Cut(values, ".")
	if !ok || key == "" || position == "" || len(key) > maxResumeKey || len(position) > maxResumePosition {
		return "", ""
	}
	return key, position
}
