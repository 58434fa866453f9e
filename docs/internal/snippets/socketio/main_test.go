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
