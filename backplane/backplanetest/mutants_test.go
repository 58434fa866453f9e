package backplanetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// mutant is an engine that breaks one rule. Functions that are nil change nothing.
type mutant struct {
	backplane.Backplane

	traits   func(*backplane.Traits)
	start    func(m *mutant, ctx context.Context, self backplane.Node, in backplane.Inbound) error
	send     func(m *mutant, ctx context.Context, batch []*backplane.Message) error
	interest func(m *mutant, ctx context.Context, add, drop []string) error
	stop     func(m *mutant, ctx context.Context) error
	inbound  func(m *mutant, in backplane.Inbound) backplane.Inbound

	mu   sync.Mutex
	kept []*backplane.Message
	in   backplane.Inbound
	n    int
}

func (m *mutant) Traits() backplane.Traits {
	t := m.Backplane.Traits()
	if m.traits != nil {
		m.traits(&t)
	}
	return t
}

func (m *mutant) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	if m.inbound != nil {
		in = m.inbound(m, in)
	}
	m.in = in
	if m.start != nil {
		return m.start(m, ctx, self, in)
	}
	return m.Backplane.Start(ctx, self, in)
}

func (m *mutant) Send(ctx context.Context, batch []*backplane.Message) error {
	if m.send != nil {
		return m.send(m, ctx, batch)
	}
	return m.Backplane.Send(ctx, batch)
}

func (m *mutant) Interest(ctx context.Context, add, drop []string) error {
	if m.interest != nil {
		return m.interest(m, ctx, add, drop)
	}
	return m.Backplane.Interest(ctx, add, drop)
}

func (m *mutant) Stop(ctx context.Context) error {
	if m.stop != nil {
		return m.stop(m, ctx)
	}
	return m.Backplane.Stop(ctx)
}

// count returns how often it was called.
func (m *mutant) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	return m.n
}

// inbound calls another one; functions that are set replace its methods.
type inbound struct {
	backplane.Inbound

	frame  func(channel string, frame []byte) bool
	noNode func(m *backplane.Message)
	link   func(up, lost bool, err error)
}

func (in inbound) ReceiveFrame(channel string, frame []byte) bool {
	if in.frame != nil {
		return in.frame(channel, frame)
	}
	return in.Inbound.ReceiveFrame(channel, frame)
}

func (in inbound) NoNode(m *backplane.Message) {
	if in.noNode != nil {
		in.noNode(m)
		return
	}
	in.Inbound.NoNode(m)
}

func (in inbound) Link(up, lost bool, err error) {
	if in.link != nil {
		in.link(up, lost, err)
		return
	}
	in.Inbound.Link(up, lost, err)
}

// frames returns a mutant whose frames are passed to f.
func frames(f func(m *mutant, in backplane.Inbound, channel string, frame []byte) bool) mutant {
	return mutant{inbound: func(m *mutant, in backplane.Inbound) backplane.Inbound {
		return inbound{Inbound: in, frame: func(channel string, frame []byte) bool { return f(m, in, channel, frame) }}
	}}
}

func links(f func(in backplane.Inbound, up, lost bool, err error)) mutant {
	return mutant{inbound: func(_ *mutant, in backplane.Inbound) backplane.Inbound {
		return inbound{Inbound: in, link: func(up, lost bool, err error) { f(in, up, lost, err) }}
	}}
}

// deaf has a mutant ignore the end of contexts for an hour.
func deaf(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
}

// mutants are engines with one fault each, and the tests that must fail. Each test of the suite
// is in the list.
func mutants() []struct {
	name   string
	mutant func() mutant
	tests  []string
} {
	changed := func(change func(*backplane.Message)) func() mutant {
		return func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				own := make([]*backplane.Message, len(batch))
				for i, x := range batch {
					own[i] = clone(x)
					change(own[i])
				}
				return m.Backplane.Send(ctx, own)
			}}
		}
	}
	return []struct {
		name   string
		mutant func() mutant
		tests  []string
	}{
		{"traits that change", func() mutant {
			calls := 0
			return mutant{traits: func(t *backplane.Traits) { calls++; t.MaxBytes += calls }}
		}, []string{"Traits and Name are constant"}},
		{"Start does not wait for the connection", func() mutant {
			return links(func(in backplane.Inbound, up, lost bool, err error) {
				go func() { <-time.After(time.Millisecond); in.Link(up, lost, err) }()
			})
		}, []string{"Start has called Link when it returns"}},
		{"flags are lost", changed(func(m *backplane.Message) { m.Flags = 0 }), []string{"a message reaches the other nodes once and unchanged"}},
		{"attachments are lost", changed(func(m *backplane.Message) { m.Payload.Attachments = nil }), []string{"a message reaches the other nodes once and unchanged"}},
		{"frames arrive twice", func() mutant {
			return frames(func(_ *mutant, in backplane.Inbound, channel string, frame []byte) bool {
				in.ReceiveFrame(channel, slices.Clone(frame))
				return in.ReceiveFrame(channel, frame)
			})
		}, []string{"a message reaches the other nodes once and unchanged", "messages of a channel keep their order"}},
		{"every second frame is late", func() mutant {
			var late []byte
			return frames(func(m *mutant, in backplane.Inbound, channel string, frame []byte) bool {
				if m.count()%2 == 1 {
					late = frame
					return true
				}
				in.ReceiveFrame(channel, frame)
				return in.ReceiveFrame(channel, late)
			})
		}, []string{"messages of a channel keep their order"}},
		{"large batches are refused", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				if len(batch) > 100 {
					return errors.New("too many")
				}
				return m.Backplane.Send(ctx, batch)
			}}
		}, []string{"a batch may be as large as the bounds"}},
		{"long messages are lost", func() mutant {
			return frames(func(_ *mutant, in backplane.Inbound, channel string, frame []byte) bool {
				return len(frame) > 2<<20 || in.ReceiveFrame(channel, frame)
			})
		}, []string{"a batch may be as large as the bounds"}},
		{"MaxBytes is too small", func() mutant {
			return mutant{traits: func(t *backplane.Traits) { t.MaxBytes-- }}
		}, []string{"a message may have MaxBytes, and no more"}},
		{"MaxBytes is too large", func() mutant {
			return mutant{traits: func(t *backplane.Traits) { t.MaxBytes++ }}
		}, []string{"a message may have MaxBytes, and no more"}},
		{"Send keeps the batch", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				m.mu.Lock()
				m.kept = append(m.kept, batch...)
				kept := m.kept
				m.mu.Unlock()
				if len(kept) < 3 && batch[0].Event != theEnd {
					return nil
				}
				m.kept = nil
				return m.Backplane.Send(ctx, slices.Clone(kept))
			}}
		}, []string{"the batch may change when Send has returned"}},
		{"nodes share the bytes", func() mutant {
			return frames(func(_ *mutant, in backplane.Inbound, channel string, frame []byte) bool {
				return in.ReceiveFrame(channel, shared.frame(frame))
			})
		}, []string{"each node owns the bytes that it receives"}},
		{"Loopback is not declared", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				if frame, err := envelope.Append(nil, batch[:1]); err == nil {
					m.in.ReceiveFrame(batch[0].Channel, frame)
				}
				return m.Backplane.Send(ctx, batch)
			}}
		}, []string{"a node's own messages return with Loopback only"}},
		{"Loopback is declared", func() mutant {
			return mutant{traits: func(t *backplane.Traits) { t.Loopback = true }}
		}, []string{"a node's own messages return with Loopback only"}},
		{"Interest adds late", func() mutant {
			return mutant{interest: func(m *mutant, ctx context.Context, add, drop []string) error {
				if slices.Contains(add, "room") {
					time.AfterFunc(time.Second, func() { _ = m.Backplane.Interest(ctx, add, drop) })
					return nil
				}
				return m.Backplane.Interest(ctx, add, drop)
			}}
		}, []string{"a node receives the channels of Interest"}},
		{"Interest drops nothing", func() mutant {
			return mutant{interest: func(m *mutant, ctx context.Context, add, _ []string) error {
				return m.Backplane.Interest(ctx, add, nil)
			}}
		}, []string{"a node receives the channels of Interest", "the engine reconnects, and receives again"}},
		{"To is ignored", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				own := make([]*backplane.Message, len(batch))
				for i, x := range batch {
					own[i] = clone(x)
					if x.To != "" {
						own[i].To, own[i].Channel = "", backplane.ChannelEvents
					}
				}
				return m.Backplane.Send(ctx, own)
			}}
		}, []string{"To reaches that node alone"}},
		{"NoNode is not called", func() mutant {
			return mutant{inbound: func(_ *mutant, in backplane.Inbound) backplane.Inbound {
				return inbound{Inbound: in, noNode: func(*backplane.Message) {}}
			}}
		}, []string{"NoNode reports that no node received it"}},
		{"NoNode forgets the request", func() mutant {
			return mutant{inbound: func(_ *mutant, in backplane.Inbound) backplane.Inbound {
				return inbound{Inbound: in, noNode: func(m *backplane.Message) { in.NoNode(&backplane.Message{Kind: m.Kind, To: m.To}) }}
			}}
		}, []string{"NoNode reports that no node received it"}},
		{"calls overlap", func() mutant {
			return frames(func(_ *mutant, in backplane.Inbound, channel string, frame []byte) bool {
				go in.ReceiveFrame(channel, frame)
				return true
			})
		}, []string{"calls of one channel do not overlap"}},
		{"Start does not return an error", func() mutant {
			return mutant{start: func(m *mutant, ctx context.Context, self backplane.Node, in backplane.Inbound) error {
				_ = m.Backplane.Start(ctx, self, in)
				return nil
			}}
		}, []string{"an application starts without the service", "Stop without the service"}},
		{"Interest is forgotten without the service", func() mutant {
			return mutant{interest: func(m *mutant, ctx context.Context, add, drop []string) error {
				if err := m.Backplane.Interest(ctx, nil, nil); err != nil {
					return err
				}
				return m.Backplane.Interest(ctx, add, drop)
			}}
		}, []string{"an application starts without the service"}},
		{"a loss is not reported", func() mutant {
			return links(func(in backplane.Inbound, up, _ bool, err error) { in.Link(up, false, err) })
		}, []string{"the engine reconnects, and receives again"}},
		{"the end of the connection is not reported", func() mutant {
			return links(func(in backplane.Inbound, up, lost bool, err error) {
				if up {
					in.Link(up, lost, err)
				}
			})
		}, []string{"the engine reconnects, and receives again", "Stop without the service"}},
		{"Send hides errors", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				_ = m.Backplane.Send(ctx, batch)
				return nil
			}}
		}, []string{"the engine reconnects, and receives again", "nothing is called after Stop", "a message may have MaxBytes, and no more"}},
		{"Send does not end", func() mutant {
			return mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				ctx, cancel := deaf(ctx)
				defer cancel()
				return m.Backplane.Send(ctx, batch)
			}}
		}, []string{"Send ends with its context"}},
		{"Stop waits for the service", func() mutant {
			return mutant{stop: func(m *mutant, ctx context.Context) error {
				ctx, cancel := deaf(ctx)
				defer cancel()
				_ = m.Backplane.Interest(ctx, nil, nil)
				return m.Backplane.Stop(ctx)
			}}
		}, []string{"Stop ends a Send that waits"}},
		{"Stop loses what waits", func() mutant {
			return mutant{send: func(m *mutant, _ context.Context, batch []*backplane.Message) error {
				own := make([]*backplane.Message, len(batch))
				for i, x := range batch {
					own[i] = clone(x)
				}
				time.AfterFunc(time.Millisecond, func() { _ = m.Backplane.Send(context.Background(), own) })
				return nil
			}}
		}, []string{"what Send has accepted arrives after Stop"}},
		{"Stop does nothing", func() mutant {
			return mutant{stop: func(m *mutant, _ context.Context) error {
				time.AfterFunc(time.Hour, func() { _ = m.Backplane.Stop(context.Background()) })
				return nil
			}}
		}, []string{"nothing is called after Stop", "Stop may be called at any time"}},
		{"a second Stop fails", func() mutant {
			return mutant{stop: func(m *mutant, ctx context.Context) error {
				if m.count() > 1 {
					return errors.New("stopped")
				}
				return m.Backplane.Stop(ctx)
			}}
		}, []string{"Stop may be called at any time"}},
		{"Stop fails without the service", func() mutant {
			return mutant{stop: func(m *mutant, ctx context.Context) error {
				return errors.Join(m.Backplane.Interest(ctx, nil, nil), m.Backplane.Stop(ctx))
			}}
		}, []string{"Stop without the service"}},
	}
}

// sharedFrames has one copy of each frame for all nodes.
type sharedFrames struct {
	mu  sync.Mutex
	all map[string][]byte
}

var shared = &sharedFrames{}

func (s *sharedFrames) frame(b []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string][]byte{}
	}
	key := string(b)
	if s.all[key] == nil {
		s.all[key] = b
	}
	return s.all[key]
}

// outcome returns the failures of a test with engines that change makes of those of a bus with options.
func outcome(t *testing.T, x test, change func(backplane.Backplane) backplane.Backplane, opts ...memory.Option) (failures []string) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(append(opts, memory.MaxBytes(8<<20))...)
		var mu sync.Mutex
		var nodes []*memory.Backplane
		each := func(f func(*memory.Backplane)) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				for _, n := range nodes {
					f(n)
				}
			}
		}
		r := &testkit.Recorder{TB: t}
		s := &suite{TB: r, patience: testkit.Patience, factory: Factory{
			New: func() backplane.Backplane {
				mu.Lock()
				defer mu.Unlock()
				if bus.HasLog() {
					n := bus.LogNode()
					nodes = append(nodes, n.Backplane)
					return change(n)
				}
				nodes = append(nodes, bus.Node())
				return change(nodes[len(nodes)-1])
			},
			Forget: bus.FlushLog, Trim: func() { bus.TrimLog(0) },
			Down: bus.Down, Up: bus.Up, Freeze: each((*memory.Backplane).Freeze), Thaw: each((*memory.Backplane).Thaw),
		}}
		t.Cleanup(func() { // after those of the test
			for _, n := range nodes { // a mutant may not have
				_ = n.Stop(context.Background())
			}
			<-time.After(2 * time.Hour) // what mutants have started has ended
			failures = r.Failures()
		})
		r.Run(func() { x.run(s) })
		t.Cleanup(each((*memory.Backplane).Thaw))
	})
	return failures
}

// TestMutants: each test of the suite fails for an engine with the fault that it is about, and for
// no other.
func TestMutants(t *testing.T) {
	caught := map[string]bool{}
	dies := func(mutant, name string, change func(backplane.Backplane) backplane.Backplane, opts ...memory.Option) {
		i := slices.IndexFunc(tests(), func(x test) bool { return x.name == name })
		if i < 0 {
			t.Fatalf("%s: the suite has no test %q", mutant, name)
		}
		caught[name] = true
		t.Run(mutant+"/"+name, func(t *testing.T) {
			failures := outcome(t, tests()[i], change, opts...)
			if len(failures) == 0 {
				t.Errorf("the test passes")
			}
			t.Log(strings.Join(failures, "\n"))
		})
	}
	for _, m := range mutants() {
		for _, name := range m.tests {
			dies(m.name, name, func(b backplane.Backplane) backplane.Backplane {
				x := m.mutant()
				x.Backplane = b
				return &x
			})
		}
	}
	for _, m := range logMutants() {
		for _, name := range m.tests {
			dies(m.name, name, func(b backplane.Backplane) backplane.Backplane {
				x := m.mutant()
				x.Backplane, x.log = b, b.(backplane.Log)
				return &x
			}, memory.Log(0))
		}
	}
	for _, x := range tests() {
		if !caught[x.name] {
			t.Errorf("no mutant is about %q: can the test fail?", x.name)
		}
		var opts []memory.Option
		if x.needs&needsLog != 0 {
			opts = append(opts, memory.Log(0))
		}
		t.Run("without a fault/"+x.name, func(t *testing.T) {
			if failures := outcome(t, x, func(b backplane.Backplane) backplane.Backplane { return b }, opts...); len(failures) > 0 {
				t.Error(strings.Join(failures, "\n"))
			}
		})
	}
}
