package program_test

import (
	"net"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
)

// app.New reports every wiring error without building anything.
func TestWiring(t *testing.T) {
	for _, name := range []string{"both", "socketio", "ws"} {
		p, err := platforms.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		s := program.Settings{Addr: "127.0.0.1:0", StatsAddr: "127.0.0.1:0", Platforms: p, TokenLife: time.Hour, Key: login.NewKey()}
		if _, err := app.New(s.Module(), s.Options()...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const want = `unknown platform "x": use both, socketio or ws`
	if _, err := platforms.Parse("x"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:3000": "http://127.0.0.1:3000/",
		"[::]:80":        "http://localhost:80/",
		"0.0.0.0:80":     "http://localhost:80/",
		"[::1]:80":       "http://[::1]:80/",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := program.URL(a); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
