package main

import (
	"bytes"
	"net/http"
	"regexp"
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
	page, rest, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	res, err := a.HTTPClient().Get(strings.TrimPrefix(page, "Open "))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v, %v", page, res, err)
	}
	_ = res.Body.Close()
	found := printed.FindAllStringSubmatch(strings.TrimPrefix(rest, "Stats at "), -1)
	if len(found) != 2 || found[0][2] != "socketio" || found[1][2] != "ws" {
		t.Fatalf("the example prints %q", out.String())
	}
	apptest.DialSocketIO(t, found[0][1])
	apptest.DialWS(t, found[1][1])
}

var printed = regexp.MustCompile(`(http://\S+) \((\w+)\)`)
