package stats_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/stats"
)

func TestWatch(t *testing.T) {
	for everyMS, pause := range map[int]time.Duration{
		-1: 50 * time.Millisecond, 0: 50 * time.Millisecond, 200: 200 * time.Millisecond, 1e9: time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := chat.NewGateway(chat.NewRooms(), nil, nil, "") // without logins
			server := apptest.NewFakeServer()
			for i := range 7 {
				server.Add(apptest.NewFakeClient(strconv.Itoa(i)))
			}
			c.Server = server.Server()
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			start, n := time.Now(), 0
			for r, err := range stats.NewGateway(c).Watch(ctx, stats.Watch{EveryMS: everyMS}) {
				if want := (stats.Stats{Connections: 7}); err != nil || r.Event != "stats" || r.Data != want {
					t.Errorf("got %s %v, %v", r.Event, r.Data, err)
				}
				if n++; n == 3 {
					leave()
				}
			}
			if took := time.Since(start); n != 3 || took != 2*pause {
				t.Errorf("every_ms %d: %d in %v", everyMS, n, took)
			}
		})
	}
}
