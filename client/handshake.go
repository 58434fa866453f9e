package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"github.com/coder/websocket"
)

// ownClient returns the default client: a connection of its own for each handshake, so that none is left idle.
func ownClient() *http.Client {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // the application has replaced it
		return http.DefaultClient
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	return &http.Client{Transport: t}
}

// open makes the handshake, and starts the goroutines of the connection.
func (c *Conn) open(ctx context.Context) (*link, error) {
	header := c.opts.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	offered := c.resumption.offered()
	if c.opts.Token != nil {
		var token string
		err := protect(func() (err error) {
			token, err = c.opts.Token(ctx)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("the token: %w", err)
		}
		switch {
		case token == "":
		case c.opts.TokenIn == InSubprotocol:
			offered = append(offered, "bearer", token)
		default:
			header.Set("Authorization", "Bearer "+token)
		}
	}
	l := newLink(c)
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { l.net = info.Conn }}
	ws, res, err := websocket.Dial(httptrace.WithClientTrace(ctx, trace), c.url.String(), &websocket.DialOptions{ //nolint:bodyclose // Dial closes it
		HTTPClient:     c.http,
		HTTPHeader:     header,
		Host:           header.Get("Host"),
		Subprotocols:   append(offered, c.opts.Subprotocols...),
		OnPingReceived: func(context.Context, []byte) bool { l.noteReceived(); return true },
		OnPongReceived: func(context.Context, []byte) { l.noteReceived() },
	})
	if err != nil {
		l.stop()
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("handshake: %w", refusal(res))
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("handshake: %w", withoutURL(err))
	}
	ws.SetReadLimit(int64(c.opts.Limits.MaxMessage))
	l.start(ws)
	return l, nil
}

// withoutURL returns an error of the handshake without the URL, whose query may have secrets.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
