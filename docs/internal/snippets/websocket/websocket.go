package main

import (
	"bytes"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Lines is a codec for messages "event payload".
//
// snippet:codec
type Lines struct{}

func (Lines) Text() bool { return true }

func (Lines) Decode(msg []byte) (ws.Envelope, error) {
	event, data, _ := bytes.Cut(msg, []byte{' '})
	return ws.Envelope{Event: string(event), Data: data}, nil
}

func (Lines) Append(dst []byte, e ws.Envelope) ([]byte, error) {
	return append(append(append(dst, e.Event...), ' '), e.Data...), nil
}

// end

// ByLines speaks Lines.
//
// snippet:codec-use
var ByLines = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Via(ws.New(ws.Options{Codec: Lines{}})),
)))

// end

// Explaining sends to clients of gatehouse.v1 why they are refused.
//
// snippet:explain
var Explaining = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	ws.Options{ExplainRefusals: ws.On},
)))

// end

// Recovering restores clients of gatehouse.v1 that have lost their connection.
//
// snippet:recovery
var Recovering = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	ws.Options{Recovery: &ws.Recovery{MaxDisconnection: 5 * time.Minute}},
)))

// end

// subprotocol shows the native connection.
//
// snippet:native
func subprotocol(c websockets.Client) string {
	conn, ok := ws.ConnOf(c) // *websocket.Conn of github.com/coder/websocket
	if !ok {
		return "" // a client of another platform
	}
	return conn.Subprotocol()
}

// end
