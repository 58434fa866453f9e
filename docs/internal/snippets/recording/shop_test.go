package shop_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	shop "github.com/gatehouse-go/gatehouse/docs/internal/snippets/recording"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/record"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:play
func TestOrder(t *testing.T) {
	record.Play(t, "testdata/order.jsonl", shop.Module, apptest.With(app.WebSockets(ws.New())))
}

// end

// snippet:player
func TestOrderOfAMember(t *testing.T) {
	player := &record.Player{
		Connect: func(l *record.Line) []apptest.DialOption {
			l.Query = strings.ReplaceAll(l.Query, "[redacted]", "for-tests")
			return []apptest.DialOption{apptest.WithHeader(http.Header{"Cookie": {"session=of " + l.Client}})}
		},
		Fill: func(l *record.Line) { l.Payload = []byte(`2`) },
	}
	player.Play(t, "testdata/member.jsonl", shop.Module, apptest.With(app.WebSockets(ws.New())))
}

// end

var update = flag.Bool("update", false, "record the files again")

// The file that the page shows is what a recorder writes, but for the times.
func TestFile(t *testing.T) {
	var b bytes.Buffer
	t.Run("record", func(t *testing.T) {
		left := make(chan struct{})
		leaves := observe.Hooks{Disconnected: func(websockets.Client, websockets.Reason, time.Duration) { close(left) }}
		a := apptest.New(t, shop.Module, apptest.With(app.WebSockets(ws.New()), shop.Recording(&b), app.Observe(leaves)))
		c := a.DialWS("/?table=4")
		c.Call("order", 2)
		c.Close()
		<-left
	})
	if *update {
		if err := os.WriteFile("testdata/order.jsonl", b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("testdata/order.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../recording.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, file) {
		t.Errorf("the page does not have the file:\n%s", file)
	}
	if got, want := withoutTimes(b.String()), withoutTimes(string(file)); got != want {
		t.Errorf("recorded\n%s, the page has\n%s", got, want)
	}
}

// withoutTimes returns lines without the times when they were recorded.
func withoutTimes(lines string) string { return times.ReplaceAllString(lines, `"t":0`) }

var times = regexp.MustCompile(`"t":[0-9.]+`)
