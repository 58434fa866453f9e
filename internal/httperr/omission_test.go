package httperr

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

func TestSendable(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		name  string
		err   error
		kept  string // what Encode returns; "" for the same error
		lines int
	}{
		{name: "no error of clients", err: cause},
		{name: "without details", err: &pipeline.Error{Message: "no"}},
		{name: "details", err: &pipeline.Error{Message: "no", Details: 7}},
		{name: "body", err: &pipeline.Error{Message: "no", Body: "own", Details: make(chan int)}},
		{name: "bad details", err: fmt.Errorf("wrapped: %w", &pipeline.Error{Message: "no", Code: "c", Details: make(chan int), Err: cause}),
			kept: `{"status":"error","message":"no","code":"c"}`, lines: 1},
		{name: "bad body", err: &pipeline.Error{Message: "no", Body: make(chan int), Details: 7},
			kept: `{"status":"error","message":"no","details":7}`, lines: 1},
		{name: "both bad", err: &pipeline.Error{Message: "no", Body: make(chan int), Details: func() {}},
			kept: `{"status":"error","message":"no"}`, lines: 2},
		{name: "panic", err: &pipeline.Error{Message: "no", Details: panics{}},
			kept: `{"status":"error","message":"no"}`, lines: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			before, _ := Visible(tt.err)
			was := *before
			got := Sendable(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), tt.err, "pattern", "/x")
			if n := strings.Count(log.String(), "level="); n != tt.lines || strings.Count(log.String(), "pattern=/x") != n {
				t.Errorf("%d lines, want %d: %s", n, tt.lines, &log)
			}
			if tt.kept == "" {
				if got != tt.err {
					t.Errorf("%v is changed to %v", tt.err, got)
				}
				return
			}
			e, ok := Visible(got)
			if !ok || string(Encode(e)) != tt.kept || !errors.Is(got, was.Err) && was.Err != nil {
				t.Errorf("%s, want %s", Encode(e), tt.kept)
			}
			if (before.Details == nil) != (was.Details == nil) || (before.Body == nil) != (was.Body == nil) {
				t.Error("the error of the application was changed")
			}
		})
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("broken") }
