package record_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// shop is the gateway of the tests. Its fields are what a later version of it does differently.
type shop struct {
	Server *websockets.Server `websockets:"server"`

	price  int    // of a cup
	refuse bool   // in HandleConnection
	extra  string // an event that is sent with each order
	silent bool   // orders are not sent to others
	admit  func(*websockets.Handshake) error
	opts   []websockets.Option

	mu     sync.Mutex
	number int
	orders map[string]order
}

// order is what clients order.
type order struct {
	ID     string    `json:"id"`
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Cups   int       `json:"cups"`
	Price  int       `json:"price"`
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *shop) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("order", s.order),
		websockets.On("status", s.status),
		websockets.Listen("watch", s.watch),
		websockets.On("confirm", s.confirm, websockets.Background(4)),
		websockets.On("echo", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
		websockets.Listen("close", func(ctx context.Context, _ websockets.Payload) error {
			websockets.ClientFrom(ctx).Close(4000, "shut")
			return nil
		}),
		websockets.On("slow", func(ctx context.Context, ms int) (int, error) {
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
				return ms, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}, websockets.Background(4)),
	}
}

func (s *shop) HandleConnection(ctx context.Context, c websockets.Client) error {
	if s.refuse {
		return websockets.NewError("closed today")
	}
	return c.Emit(ctx, "welcome", map[string]any{"you": c.ID(), "now": time.Now()})
}

func (s *shop) HandleDisconnect(ctx context.Context, c websockets.Client, _ websockets.Reason) {
	_ = s.Server.All().Emit(ctx, "left", map[string]string{"who": "client:" + c.ID()})
}

func (s *shop) order(ctx context.Context, cups int) (order, error) {
	if cups < 1 {
		return order{}, websockets.NewError("How many?")
	}
	c := websockets.ClientFrom(ctx)
	s.mu.Lock()
	s.number++
	o := order{ID: newUUID(), Number: s.number + int(time.Now().UnixNano()%1000)*1000, At: time.Now(), By: c.ID(), Cups: cups, Price: cups * s.price}
	s.orders[o.ID] = o
	s.mu.Unlock()
	if s.extra != "" {
		if err := c.Emit(ctx, s.extra, 1); err != nil {
			return o, err
		}
	}
	if s.silent {
		return o, nil
	}
	return o, s.Server.To("watching").Emit(ctx, "ordered", o)
}

func (s *shop) status(_ context.Context, id string) (order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[strings.TrimPrefix(id, "order:")]
	if !ok {
		return o, errors.New("no such order")
	}
	return o, nil
}

func (s *shop) watch(ctx context.Context, _ websockets.Payload) error {
	return websockets.ClientFrom(ctx).Join("watching")
}

func (s *shop) confirm(ctx context.Context, question jsontext.Value) (jsontext.Value, error) {
	p, err := websockets.ClientFrom(ctx).Call(ctx, "sure", question)
	return p.JSON, err
}

func (s *shop) module() *module.Module {
	s.orders = map[string]order{}
	opts := s.opts
	if s.admit != nil {
		opts = append(opts, websockets.Admit(func(_ context.Context, h *websockets.Handshake) error { return s.admit(h) }))
	}
	return module.New("shop", module.Providers(websockets.Gateway(func() *shop { return s }, opts...)))
}
