package main

import (
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/js"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// snippet:test
func TestGreet(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New())))
	client := a.DialSocketIO("/")

	if got := apptest.Call[string](client, "greet", "Ada"); got != "Hello, Ada" {
		t.Errorf("got %q", got)
	}
}

// end

func TestGreetFromJavaScript(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New())))
	got := js.Run(t, "README.md", strings.TrimPrefix(a.URL(), "http://"), 1)
	if got != "Hello, Ada\n" {
		t.Errorf("got %q", got)
	}
}

func TestTheProgramIsShort(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 25 {
		t.Errorf("%d lines, want at most 25", n)
	}
}
