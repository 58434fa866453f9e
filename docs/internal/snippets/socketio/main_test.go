package main

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/js"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// The client that docs/socketio.md shows.
func TestNewsFromJavaScript(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New())))
	got := js.Run(t, "docs/socketio.md", strings.TrimPrefix(a.URL(), "http://"), 2)
	if got != "1\nGo 1.26\n" {
		t.Errorf("got %q", got)
	}
}

// TestField_X67_HelperForAcks: The helper that the page of Socket.IO shows rejects when an ack is an error, and resolves otherwise.
func TestField_X67_HelperForAcks(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New())))
	got := js.RunWith(t, "docs/socketio.md", "async function ask", strings.TrimPrefix(a.URL(), "http://"), 2)
	if got != "1\nBad payload: the payload must be a string, not a number bad_payload\n" {
		t.Errorf("got %q", got)
	}
}
