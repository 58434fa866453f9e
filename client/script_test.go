package client_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// script serves connections in memory by a function, which gets the number of the connection, from 1 on. It works with the fake
// clock of testing/synctest. The connection closes when the function returns. It speaks plain WebSocket.
func script(t *testing.T, f func(n int, ws *websocket.Conn)) client.Options {
	t.Helper()
	return scriptV1(t, func(n int, ws *websocket.Conn, _ []string) { f(n, ws) }, func(int) string { return "" })
}

// scriptV1 is script with the subprotocols that the client offers; selects returns the one that the server selects.
func scriptV1(t *testing.T, f func(n int, ws *websocket.Conn, offered []string), selects func(n int) string) client.Options {
	t.Helper()
	l := testkit.NewListener()
	var count atomic.Int32
	s := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(count.Add(1))
		var accept websocket.AcceptOptions
		if p := selects(n); p != "" {
			accept.Subprotocols = []string{p}
		}
		ws, err := websocket.Accept(w, r, &accept)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		f(n, ws, strings.Split(strings.ReplaceAll(strings.Join(r.Header["Sec-Websocket-Protocol"], ","), " ", ""), ","))
	})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return client.Options{
		Logger:     discard,
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: l.DialContext}},
	}
}

// alwaysV1 selects gatehouse.v1.
func alwaysV1(int) string { return "gatehouse.v1" }

// read reads until the connection has ended, as a server does that answers nothing but pings.
func read(ws *websocket.Conn) {
	for {
		if _, _, err := ws.Read(context.Background()); err != nil {
			return
		}
	}
}

func write(t *testing.T, ws *websocket.Conn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := ws.Write(context.Background(), websocket.MessageText, []byte(f)); err != nil {
			t.Error(err)
		}
	}
}

// pass lets time pass on the fake clock, and what happens then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const scripted = "ws://scripted/"
