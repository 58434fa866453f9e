package backplanetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// logMutant is a log that breaks one rule. Functions that are nil change nothing.
type logMutant struct {
	mutant

	log      backplane.Log
	readLog  func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error
	save     func(log backplane.Log, ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error)
	take     func(log backplane.Log, ctx context.Context, key, owner string, keep time.Duration) (backplane.Record, error)
	refresh  func(log backplane.Log, ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error)
	dropLog  func(log backplane.Log, ctx context.Context, records []backplane.Record) error
	received func(in backplane.LogInbound) backplane.LogInbound
}

func (m *logMutant) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	if log, reads := in.(backplane.LogInbound); reads && m.received != nil {
		in = m.received(log)
	}
	return m.mutant.Start(ctx, self, in)
}

func (m *logMutant) Retention() time.Duration { return m.log.Retention() }

func (m *logMutant) Read(ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
	if m.readLog != nil {
		return m.readLog(m.log, ctx, after, until, f)
	}
	return m.log.Read(ctx, after, until, f)
}

func (m *logMutant) Save(ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error) {
	if m.save != nil {
		return m.save(m.log, ctx, records, keep)
	}
	return m.log.Save(ctx, records, keep)
}

func (m *logMutant) Take(ctx context.Context, key, owner string, keep time.Duration) (backplane.Record, error) {
	if m.take != nil {
		return m.take(m.log, ctx, key, owner, keep)
	}
	return m.log.Take(ctx, key, owner, keep)
}

func (m *logMutant) Refresh(ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error) {
	if m.refresh != nil {
		return m.refresh(m.log, ctx, records, keep)
	}
	return m.log.Refresh(ctx, records, keep)
}

func (m *logMutant) Drop(ctx context.Context, records []backplane.Record) error {
	if m.dropLog != nil {
		return m.dropLog(m.log, ctx, records)
	}
	return m.log.Drop(ctx, records)
}

// logInbound calls another one; functions that are set replace its methods.
type logInbound struct {
	backplane.LogInbound

	opened func(base, last uint64)
	entry  func(ctx context.Context, e backplane.Entry) bool
}

func (in logInbound) Opened(base, last uint64) {
	if in.opened != nil {
		in.opened(base, last)
		return
	}
	in.LogInbound.Opened(base, last)
}

func (in logInbound) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	if in.entry != nil {
		return in.entry(ctx, e)
	}
	return in.LogInbound.ReceiveEntry(ctx, e)
}

// entries returns a mutant whose entries are passed to f.
func entries(f func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool) func() logMutant {
	return func() logMutant {
		return logMutant{received: func(in backplane.LogInbound) backplane.LogInbound {
			return logInbound{LogInbound: in, entry: func(ctx context.Context, e backplane.Entry) bool { return f(in, ctx, e) }}
		}}
	}
}

func opened(f func(in backplane.LogInbound, base, last uint64)) func() logMutant {
	return func() logMutant {
		return logMutant{received: func(in backplane.LogInbound) backplane.LogInbound {
			return logInbound{LogInbound: in, opened: func(base, last uint64) { f(in, base, last) }}
		}}
	}
}

func reading(f func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error) func() logMutant {
	return func() logMutant { return logMutant{readLog: f} }
}

// logMutants are logs with one fault each, and the tests that must fail.
func logMutants() []struct {
	name   string
	mutant func() logMutant
	tests  []string
} {
	const (
		order = "all nodes receive the same entries at the same dense positions"
		reads = "Read returns the entries that were received"
		owner = "records have one owner"
		loss  = "a log that was lost has a new base"
		again = "what is sent again is appended once"
	)
	return []struct {
		name   string
		mutant func() logMutant
		tests  []string
	}{
		{"positions have holes", entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
			e.First *= 2
			return in.ReceiveEntry(ctx, e)
		}), []string{order}},
		{"own entries are not passed", func() logMutant {
			return logMutant{mutant: mutant{start: func(m *mutant, ctx context.Context, self backplane.Node, in backplane.Inbound) error {
				if log, reads := in.(backplane.LogInbound); reads {
					in = logInbound{LogInbound: log, entry: func(ctx context.Context, e backplane.Entry) bool {
						if first := string(self.ID[len(self.ID)-1]); len(e.Frame) > 11 && first == string("0123456789abcdef"[e.Frame[11]&15]) {
							return true
						}
						return log.ReceiveEntry(ctx, e)
					}}
				}
				return m.Backplane.Start(ctx, self, in)
			}}}
		}, []string{order}},
		{"Opened is called twice", opened(func(in backplane.LogInbound, base, last uint64) {
			in.Opened(base, last)
			in.Opened(base, last)
		}), []string{order}},
		{"Opened reports the base as the end", opened(func(in backplane.LogInbound, base, _ uint64) { in.Opened(base, base) }),
			[]string{"a node that starts later continues after the last position"}},
		{"entries are dropped without room", entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			in.ReceiveEntry(ctx, e)
			return true
		}), []string{"the log waits for room"}},
		{"Stop waits for room", entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
			ctx, cancel := deaf(ctx)
			defer cancel()
			return in.ReceiveEntry(ctx, e)
		}), []string{"Stop ends ReceiveEntry"}},
		{"Read starts late", reading(func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
			return log.Read(ctx, after+1, until, f)
		}), []string{reads}},
		{"Read has no end", reading(func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
			return log.Read(ctx, after, until+1, f)
		}), []string{reads}},
		{"Read hides what is missing", reading(func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
			if err := log.Read(ctx, after, until, f); !errors.Is(err, backplane.ErrPosition) {
				return err
			}
			return nil
		}), []string{reads, loss, "a trimmed log is a jump of the positions"}},
		{"Read ignores errors", reading(func(log backplane.Log, ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
			return log.Read(ctx, after, until, func(e backplane.Entry) error { _ = f(e); return nil })
		}), []string{reads}},
		{"a base is not reported", entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
			return e.NewBase || in.ReceiveEntry(ctx, e)
		}), []string{loss}},
		{"a base keeps the positions", func() logMutant {
			var last uint64
			return entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
				if e.NewBase {
					e.First = last
				}
				last = e.Last()
				return in.ReceiveEntry(ctx, e)
			})()
		}, []string{loss}},
		{"what is sent again is appended again", func() logMutant {
			last := uint64(0)
			return logMutant{mutant: mutant{send: func(m *mutant, ctx context.Context, batch []*backplane.Message) error {
				own := slices.Clone(batch)
				for i, x := range own {
					if again := *x; x.Channel == backplane.ChannelEvents && x.Seq <= last {
						again.Seq = 0
						own[i] = &again
					}
				}
				if end := batch[len(batch)-1]; end.Channel == backplane.ChannelEvents {
					last = max(last, end.Seq)
				}
				return m.Backplane.Send(ctx, own)
			}}}
		}, []string{again}},
		{"an outage loses an entry", func() logMutant {
			down, lost := false, false
			return logMutant{received: func(in backplane.LogInbound) backplane.LogInbound {
				return lossy{in, &down, &lost}
			}}
		}, []string{"an outage loses no position without a new base"}},
		{"jumps are hidden", func() logMutant {
			var last uint64
			return entries(func(in backplane.LogInbound, ctx context.Context, e backplane.Entry) bool {
				if last > 0 {
					e.First = last + 1
				}
				last = e.Last()
				return in.ReceiveEntry(ctx, e)
			})()
		}, []string{"a trimmed log is a jump of the positions"}},
		{"a program's messages are not kept", func() logMutant {
			return logMutant{mutant: mutant{start: func(m *mutant, ctx context.Context, self backplane.Node, in backplane.Inbound) error {
				if _, reads := in.(backplane.LogInbound); !reads {
					m.send = func(*mutant, context.Context, []*backplane.Message) error { return nil }
				}
				return m.Backplane.Start(ctx, self, in)
			}}}
		}, []string{"a program that is no node only sends"}},
		{"Save ignores the owner", func() logMutant {
			return logMutant{save: func(log backplane.Log, ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error) {
				for _, r := range records {
					_, _ = log.Take(ctx, r.Key, r.Owner, keep)
				}
				return log.Save(ctx, records, keep)
			}}
		}, []string{owner, "concurrent calls of Take form a chain"}},
		{"Take only reads", func() logMutant {
			return logMutant{take: func(log backplane.Log, ctx context.Context, key, owner string, keep time.Duration) (backplane.Record, error) {
				r, err := log.Take(ctx, key, owner, keep)
				if err == nil {
					_, err = log.Take(ctx, key, r.Owner, keep)
				}
				return r, err
			}}
		}, []string{owner, "concurrent calls of Take form a chain"}},
		{"Take returns the new owner", func() logMutant {
			return logMutant{take: func(log backplane.Log, ctx context.Context, key, owner string, keep time.Duration) (backplane.Record, error) {
				r, err := log.Take(ctx, key, owner, keep)
				r.Owner = owner
				return r, err
			}}
		}, []string{owner, "concurrent calls of Take form a chain"}},
		{"Refresh makes records", func() logMutant {
			return logMutant{refresh: func(log backplane.Log, ctx context.Context, records []backplane.Record, keep time.Duration) ([]int, error) {
				return log.Save(ctx, records, keep)
			}}
		}, []string{owner}},
		{"Drop removes those of others", func() logMutant {
			return logMutant{dropLog: func(log backplane.Log, ctx context.Context, records []backplane.Record) error {
				for _, r := range records {
					_, _ = log.Take(ctx, r.Key, r.Owner, keepLong)
				}
				return log.Drop(ctx, records)
			}}
		}, []string{owner}},
		{"Drop does nothing", func() logMutant {
			return logMutant{dropLog: func(backplane.Log, context.Context, []backplane.Record) error { return nil }}
		}, []string{owner}},
		{"records do not expire", func() logMutant {
			return logMutant{save: func(log backplane.Log, ctx context.Context, records []backplane.Record, _ time.Duration) ([]int, error) {
				return log.Save(ctx, records, keepLong)
			}}
		}, []string{"records expire"}},
		{"Refresh does not keep", func() logMutant {
			return logMutant{refresh: func(log backplane.Log, ctx context.Context, records []backplane.Record, _ time.Duration) ([]int, error) {
				return log.Refresh(ctx, records, time.Second)
			}}
		}, []string{"records expire"}},
	}
}

// lossy loses the first entry after an outage.
type lossy struct {
	backplane.LogInbound

	down, lost *bool
}

func (l lossy) Link(up, lost bool, err error) {
	*l.down = *l.down || !up
	l.LogInbound.Link(up, lost, err)
}

func (l lossy) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	if *l.down && !*l.lost {
		*l.lost = true
		return true
	}
	return l.LogInbound.ReceiveEntry(ctx, e)
}
