package logsample

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drain returns the lines and clears the log.
func drain(l *testkit.Log) []string {
	return strings.Split(strings.TrimSuffix(l.Take(), "\n"), "\n")
}

func sampled(b *testkit.Log) (*Sampler, *slog.Logger) {
	s := New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}), 0)
	return s, slog.New(s)
}

func count(lines []string, part string) (n int) {
	for _, l := range lines {
		if strings.Contains(l, part) {
			n++
		}
	}
	return n
}

func TestTenLinesPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testkit.Log
		s, log := sampled(&b)
		defer s.Close()
		for range 1000 {
			log.Error("gateway failed", "event", "say", "error", io.ErrUnexpectedEOF)
		}
		if got := drain(&b); len(got) != PerSecond || count(got, "event=say") != PerSecond {
			t.Fatalf("%d lines: %q", len(got), got)
		}
		<-time.After(window)
		synctest.Wait()
		if got := drain(&b); len(got) != 1 || !strings.HasSuffix(got[0], `level=ERROR msg="log lines dropped" of="gateway failed" event=say lines=990`) {
			t.Fatalf("count: %q", got)
		}
		for range 12 {
			log.Error("gateway failed", "event", "say", "error", io.ErrUnexpectedEOF)
		}
		s.Close()
		if got := drain(&b); len(got) != 11 || count(got, "lines=2") != 1 {
			t.Errorf("%q", got)
		}
	})
}

// The next line writes the count if the timer has not fired, or after Close.
func TestNextLineWritesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testkit.Log
		s, log := sampled(&b)
		s.Close()
		for range 15 {
			log.Warn("slow")
		}
		_ = drain(&b)
		<-time.After(window)
		log.Warn("slow")
		if got := drain(&b); len(got) != 2 || count(got, "lines=5") != 1 {
			t.Errorf("%q", got)
		}
	})
}

func TestCausesAreCountedSeparately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testkit.Log
		s, log := sampled(&b)
		defer s.Close()
		with := log.With("platform", "ws")
		for i := range 50 {
			log.Error("failed", "event", "a", "error", fmt.Errorf("try %d: %w", i, io.EOF))
			with.Error("failed", "event", "a", "error", fmt.Errorf("try %d: %w", i, io.EOF))
			log.Error("failed", "event", "b", "error", io.EOF)
			log.Error("failed", "event", "a", "error", &slowError{})
			log.Warn("failed", "event", "a", "error", io.EOF)
			log.Error("other", "event", "a", "error", io.EOF)
		}
		got := drain(&b)
		if n := len(got); n != 5*PerSecond {
			t.Errorf("%d lines", n)
		}
		if n := count(got, "msg=other"); n != PerSecond {
			t.Errorf("%d lines of other", n)
		}
	})
}

type slowError struct{}

func (*slowError) Error() string { return "slow" }

func TestCausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b testkit.Log
		s, log := sampled(&b)
		defer s.Close()
		for i := range 10_000 {
			log.Error("gateway failed", "event", fmt.Sprint("made up ", i, strings.Repeat("x", 1000)))
		}
		if n := len(drain(&b)); n > maxCauses+PerSecond {
			t.Errorf("%d lines", n)
		}
		s.mu.Lock()
		if n := len(s.windows); n > maxCauses+1 {
			t.Errorf("%d causes are stored", n)
		}
		for c := range s.windows {
			if len(c.event) > maxEvent {
				t.Errorf("%d bytes of an event are stored", len(c.event))
			}
		}
		s.mu.Unlock()
		<-time.After(window)
		synctest.Wait()
		if got := drain(&b); count(got, "of=\"various messages\" lines=") != 1 {
			t.Errorf("%q", got)
		}
	})
}

func TestNamedHasOneCause(t *testing.T) {
	var b testkit.Log
	s, _ := sampled(&b)
	log := slog.New(s.Named("net/http"))
	for i := range 100 {
		log.Debug(fmt.Sprintf("TLS handshake error from 192.0.2.1:%d: EOF", i))
	}
	s.Close()
	if got := drain(&b); len(got) != PerSecond+1 || count(got, "of=net/http lines=90") != 1 {
		t.Errorf("%q", got)
	}
}

func TestLimit(t *testing.T) {
	for limit, want := range map[int]int{3: 4, -1: 50} {
		var b testkit.Log
		s := New(slog.NewTextHandler(&b, nil), limit)
		for range 50 {
			slog.New(s).Info("m")
		}
		s.Close()
		if got := drain(&b); len(got) != want {
			t.Errorf("%d: %q", limit, got)
		}
	}
}

func TestRawIsNotSampled(t *testing.T) {
	var b testkit.Log
	s, log := sampled(&b)
	defer s.Close()
	raw := Raw(log.With("platform", "ws"))
	for range 20 {
		raw.Debug("subscribed")
	}
	if got := drain(&b); count(got, "platform=ws") != 20 {
		t.Errorf("%q", got)
	}
	if plain := slog.New(slog.DiscardHandler); Raw(plain) != plain {
		t.Error("Raw changed a logger without Sampler")
	}
}

func TestLinesAreCut(t *testing.T) {
	long := map[string]string{
		"letters": strings.Repeat("a", 1<<20), "quotes": strings.Repeat(`"`, 1<<20), "zeros": strings.Repeat("\x00", 1<<20),
		"not UTF-8": strings.Repeat("\xff", 1<<20), "runes": strings.Repeat("ü日", 1<<19), "lines": strings.Repeat("a\n", 1<<19),
		"private use": strings.Repeat("\U000f0000", 1<<18), "separators": strings.Repeat("\u2028", 1<<18),
	}
	handlers := map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler {
			return slog.NewTextHandler(w, &slog.HandlerOptions{AddSource: true})
		},
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	}
	for form, handler := range handlers {
		for name, s := range long {
			t.Run(form+" "+name, func(t *testing.T) {
				var b bytes.Buffer
				log := slog.New(New(handler(&b), 0)).With("platform", "socketio", "path", "/socket.io/")
				log.Error("gateway failed", "event", s, "client", "abc", "error", errors.New(s), "gateway", "chat.NewGateway", "stack", s)
				if b.Len() > MaxLine {
					t.Errorf("%d bytes", b.Len())
				}
				if b.Len() < MaxLine/3 {
					t.Errorf("cut to %d bytes: %s", b.Len(), &b)
				}
				for _, part := range []string{"gateway failed", "chat.NewGateway", "abc", fmt.Sprintf("... (%d bytes)", len(s))} {
					if !strings.Contains(b.String(), part) {
						t.Errorf("want %q in %s", part, &b)
					}
				}
				b.Reset()
				log.Error(s, "panic", any([]string{s}))
				if b.Len() > MaxLine {
					t.Errorf("%d bytes", b.Len())
				}
			})
		}
	}
}

func TestShortLinesAreNotChanged(t *testing.T) {
	var direct, through bytes.Buffer
	opts := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	for _, log := range []*slog.Logger{slog.New(slog.NewJSONHandler(&direct, opts)), slog.New(Cutting(slog.NewJSONHandler(&through, opts)))} {
		log.With("a", 1).WithGroup("g").Info("m", "d", time.Second, "v", map[string]int{"x": 1}, "err", io.EOF)
	}
	if direct.String() != through.String() {
		t.Errorf("got  %s\nwant %s", &through, &direct)
	}
}

// A cut stack starts at the panic, not at the recovery.
func TestCutStackStartsAtPanic(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(New(slog.NewTextHandler(&b, nil), 0))
	func() {
		defer func() {
			v := recover()
			log.Error("failed", "error", fmt.Sprint(v), "stack", string(debug.Stack())+strings.Repeat("x", MaxLine))
		}()
		userCode()
	}()
	if !strings.Contains(b.String(), "logsample.userCode") || b.Len() > MaxLine {
		t.Errorf("%d bytes: %s", b.Len(), &b)
	}
}

func userCode() {
	list := make([]int, 1)
	list[len(list)]++
}

type brokenError struct{}

func (brokenError) Error() string { panic("no text") }
func (brokenError) Unwrap() error { panic("no error") }

func TestBrokenErrors(t *testing.T) {
	var b testkit.Log
	s, log := sampled(&b)
	defer s.Close()
	log.Error("failed", "error", brokenError{}, "more", strings.Repeat("x", 2*MaxLine))
	if got := drain(&b); len(got) != 1 || len(got[0]) > MaxLine {
		t.Errorf("%q", got)
	}
}

func TestConcurrentLines(t *testing.T) {
	var b testkit.Log
	s, log := sampled(&b)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 2000 {
				log.Info("m", "event", fmt.Sprint((i+j)%150))
			}
		})
	}
	wg.Wait()
	s.Close()
}

func BenchmarkDropped(b *testing.B) {
	log := slog.New(New(slog.NewTextHandler(&bytes.Buffer{}, nil), 0))
	err := fmt.Errorf("a: %w", io.EOF)
	b.ReportAllocs()
	for b.Loop() {
		log.Error("gateway failed", "event", "say", "client", "abc", "error", err)
	}
}
