package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
)

// TestField_X65_PrintedAddresses: The addresses that the example prints are those of its page and of its gateways.
func TestField_X65_PrintedAddresses(t *testing.T) {
	s := program.Settings{
		Platforms: platforms.Both(), Key: login.NewKey(), Addr: "127.0.0.1:0", StatsAddr: "127.0.0.1:0", TokenLife: time.Hour,
	}
	a := apptest.New(t, s.Module(), apptest.With(append(s.Options(), app.HTTP("127.0.0.1:0"))...))
	var out bytes.Buffer
	welcome(&out, a.App())
	found := 0
	for line := range strings.Lines(out.String()) {
		what, url, _ := strings.Cut(strings.TrimSpace(line), " http")
		url = "http" + url
		switch what {
		case "Open":
			res, err := a.HTTPClient().Get(url) //nolint:noctx // of a test
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%s: %v, %v", url, res, err)
			}
			_ = res.Body.Close()
		case "Stats for socketio at":
			apptest.DialSocketIO(t, url)
		case "Stats for ws at":
			apptest.DialWS(t, url)
		default:
			t.Errorf("the example prints %q", line)
		}
		found++
	}
	if found != 3 {
		t.Errorf("the example prints %q", out.String())
	}
}
