package apptest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The end of a test does not wait for a client that polled, which the stop of an application waits for.
func TestEndWithPollingClient(t *testing.T) {
	limits := websockets.WithLimits(websockets.Limits{CloseTimeout: time.Hour})
	a := apptest.New(t, module.New("polled", module.Providers(websockets.Gateway(newSquareGateway, limits, websockets.Via(socketio.New())))))
	ask := func(method, query, body string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+"/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, rest, _ := strings.Cut(ask(http.MethodGet, "", ""), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	ask(http.MethodPost, "&sid="+sid, "40")
	if got := ask(http.MethodGet, "&sid="+sid, ""); !strings.HasPrefix(got, "40") {
		t.Fatalf("polled %s", got)
	}
} // else the stop ends after 15 s, with an error
