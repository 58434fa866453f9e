package zishang

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type foreignOption struct{ websockets.Option }

func (foreignOption) PlatformName() string { return platformName }

func TestAdapter(t *testing.T) {
	a := New()
	if a.Name() != "socketio" || a.Traits() != (adapter.Traits{DefaultPath: "/socket.io/", Namespaces: true, Binary: true}) {
		t.Fatal(a.Name(), a.Traits())
	}
}

func TestOptionsOverride(t *testing.T) {
	a := New(Options{Transports: []string{Polling}, UpgradeTimeout: time.Second, Upgrades: On}, Options{UpgradeTimeout: 2 * time.Second})
	got, err := merge.Fields(a.defaults, Options{Transports: []string{WebSocket}, Upgrades: Off, ConnectTimeout: time.Minute, HTTPCompression: 5,
		CORS: CORS{Credentials: Off, AllowedHeaders: []string{"x"}, MaxAge: time.Hour}, Cookie: &http.Cookie{}}).complete()
	want := Options{Transports: []string{WebSocket}, Upgrades: Off, UpgradeTimeout: 2 * time.Second, ConnectTimeout: time.Minute, HTTPCompression: 5,
		MaxConnecting: 1000, MaxUnpolled: 1000,
		CORS:   CORS{Credentials: Off, AllowedHeaders: []string{"x"}, MaxAge: time.Hour},
		Cookie: &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v %v", got, err)
	}
	if got, _ := (Options{}).complete(); !reflect.DeepEqual(got, Options{Transports: []string{Polling, WebSocket}, Upgrades: On, CORS: CORS{Credentials: On}, UpgradeTimeout: 10 * time.Second, ConnectTimeout: 15 * time.Second, MaxConnecting: 1000, MaxUnpolled: 1000}) {
		t.Fatalf("%+v", got)
	}
}

func TestNewServerRefusesOptions(t *testing.T) {
	for want, o := range map[string]adapter.PlatformOption{
		`zishang: Options.Transports has "webtransport": it may be "polling" or "websocket" (server /x)`:              Options{Transports: []string{"webtransport"}},
		`zishang: Options.Transports is empty: leave it nil for both, or name "polling" or "websocket" (server /x)`:   Options{Transports: []string{}},
		`zishang: Options.Upgrades or CORS.Credentials has an unknown value: use On or Off (server /x)`:               Options{Upgrades: 9},
		`zishang: Options has a negative duration or size: use 0 for the default (server /x)`:                         Options{UpgradeTimeout: -1},
		`zishang: option zishang.foreignOption belongs to another Socket.IO adapter; use zishang.Options (server /x)`: foreignOption{},
	} {
		_, err := New().NewServer(adapter.ServerConfig{Path: "/x", Options: []adapter.PlatformOption{o}, Limits: defaultLimits()})
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
