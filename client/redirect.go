package client

import (
	"errors"
	"net/http"
)

// maxRedirects is how many redirects of a handshake are followed, as net/http does: the WebSocket library follows all.
const maxRedirects = 10

var (
	errRedirects = errors.New("the server has redirected the handshake more than 10 times")
	errInsecure  = errors.New("the server has redirected the handshake from wss to ws, which would send tokens unencrypted")
)

// withRedirects returns a client that follows few redirects. Subprotocols, which may be a token or the key by which the client resumes,
// are not sent to another host; net/http does the same with Authorization.
func withRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > maxRedirects:
			return errRedirects
		case first.Scheme == "https" && req.URL.Scheme != "https":
			return errInsecure
		case req.URL.Host != first.Host:
			req.Header.Set("Sec-WebSocket-Protocol", protocolV1)
		}
		if c.CheckRedirect != nil {
			return c.CheckRedirect(req, via)
		}
		return nil
	}
	return &own
}
