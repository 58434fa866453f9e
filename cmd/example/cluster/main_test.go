package main

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
)

func environmentOf(variables map[string]string) environment {
	return func(name string) string { return variables[name] }
}

// Each engine makes an application without mistakes.
func TestEngines(t *testing.T) {
	key := strings.Repeat("k", 32)
	for name, variables := range map[string]map[string]string{
		"nats/embedded": {"CLUSTER_SECRET": "secret", "CLUSTER_PEERS": "node-1:6222, node-2:6222", "TRUSTED_PROXIES": "10.0.0.0/8,::1"},
		"nats":          {"ENGINE": "nats"},
		"redis":         {"ENGINE": "redis", "REDIS_URL": "unix:///run/redis.sock"},
	} {
		env := environmentOf(variables)
		engine, err := env.engine(slog.New(slog.DiscardHandler))
		if err != nil || engine.Name() != name {
			t.Fatalf("%s: %v, %v", name, engine, err)
		}
		all := maps.Clone(variables)
		all["LOGIN_KEY"] = key
		s, err := environmentOf(all).settings("node-1")
		if err != nil {
			t.Fatal(err)
		}
		if s.Addr != ":3000" || s.Node != "node-1" || string(s.Key) != key {
			t.Errorf("%s: settings %+v", name, s)
		}
		if _, err := app.New(s.Module(), append(s.Options(), app.Backplane(engine), app.TrustedProxies(env.list("TRUSTED_PROXIES")...))...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongEnvironment(t *testing.T) {
	_, err := environmentOf(map[string]string{"ENGINE": "kafka"}).engine(nil)
	if want := `ENGINE is "kafka": use embedded, nats or redis`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = environmentOf(map[string]string{"LOGIN_KEY": "short"}).settings("node-1")
	const want = "LOGIN_KEY has 5 characters: all nodes need the same, of at least 32: set it to that of `openssl rand -hex 32`"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestList(t *testing.T) {
	env := environmentOf(map[string]string{"SOME": " a, b,,c "})
	if got := env.list("SOME"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("got %q", got)
	}
	if got := env.list("NONE"); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}
