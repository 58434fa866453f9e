package run

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	handling = "\ngithub.com/gatehouse-go/gatehouse/bench/cluster/internal/node.(*Node).Handle(0xc0, {0x1, 0x2})\n\t/src/handlers.go:47 +0x1b\n\n"
	other    = "goroutine 1 [select, 3 minutes]:\nmain.main()\n\t/src/main.go:7 +0x1b\n\n"
)

func TestGoroutinesOfProfile(t *testing.T) {
	for _, c := range []struct {
		name, profile string
		want          goroutines
	}{
		{"none", "", goroutines{}},
		{"no handler", other + "goroutine 2 [IO wait]:\ngithub.com/redis/rueidis.(*pipe)._backgroundRead(0xc0)\n\n", goroutines{all: 2}},
		{"a handler at work", other + "goroutine 2 gp=0xc0 m=nil [runnable]:\nencoding/json.Marshal()" + handling, goroutines{all: 2, handling: 1}},
		{"one that waits for an answer", "goroutine 2 [chan receive]:\ngithub.com/redis/rueidis.(*pipe).Do(0xc0)" + handling + other, goroutines{all: 2, handling: 1, waiting: 1}},
		{"one in a network call", "goroutine 2 [IO wait]:\nnet.(*conn).Write(0xc0)" + handling, goroutines{all: 1, handling: 1, waiting: 1}},
		{"one in an engine", "goroutine 2 [select]:\ngithub.com/gatehouse-go/gatehouse/backplane/redis.(*engine).Send(0xc0)" + handling, goroutines{all: 1, handling: 1, waiting: 1}},
	} {
		if got := count(c.profile); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
