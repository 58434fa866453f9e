package pathvalues_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/pathvalues"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func TestReserve(t *testing.T) {
	a := apptest.New(t, pathvalues.Module, apptest.With(app.WebSockets(ws.New())))
	got := apptest.Call[pathvalues.Reservation](a.DialWS("/tables/12/2030-01-02T00:00:00Z"), "reserve", 3)
	if want := (pathvalues.Reservation{Table: 12, Day: time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC), Guests: 3}); got != want {
		t.Errorf("got %+v", got)
	}
	_, err := apptest.TryDialWS(t, a.URL()+"/tables/twelve/2030-01-02T00:00:00Z")
	if refused, ok := errors.AsType[*apptest.DialError](err); !ok || refused.Status != 400 || refused.Message != "Bad payload: table must be a number" {
		t.Errorf("got %v", err)
	}
}
