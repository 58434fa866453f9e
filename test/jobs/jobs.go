// Package jobs has the code of docs/jobs.md: a job that runs at intervals and sends to a room.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway has a room "news".
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

// NewGateway makes a Gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions implements websockets.Subscriber.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("follow", g.follow)}
}

func (*Gateway) follow(ctx context.Context, _ struct{}) (bool, error) {
	return true, websockets.ClientFrom(ctx).Join("news")
}

// Every is the interval of the job.
type Every time.Duration

// Ticker is a service with a job.
//
// snippet:job
type Ticker struct {
	gateway   *Gateway
	every     Every
	log       *slog.Logger
	scheduler gocron.Scheduler
}

func NewTicker(g *Gateway, every Every, log *slog.Logger) *Ticker {
	return &Ticker{gateway: g, every: every, log: log}
}

// OnApplicationBootstrap starts the job: everything it needs has been initialized.
func (t *Ticker) OnApplicationBootstrap(context.Context) error {
	s, err := gocron.NewScheduler(gocron.WithLogger(t.log), gocron.WithStopTimeout(5*time.Second))
	if err != nil {
		return err
	}
	t.scheduler = s
	_, err = s.NewJob(
		gocron.DurationJob(time.Duration(t.every)), // or gocron.CronJob("0 8 * * *", false)
		gocron.NewTask(t.tick),
		gocron.WithName("tick"),
		gocron.WithSingletonMode(gocron.LimitModeReschedule), // never two at once
		gocron.WithEventListeners(
			gocron.AfterJobRunsWithError(func(_ uuid.UUID, name string, err error) { t.log.Error("job", "name", name, "error", err) }),
			gocron.AfterJobRunsWithPanic(func(_ uuid.UUID, name string, v any) { t.log.Error("job", "name", name, "panic", v) }),
		),
	)
	s.Start()
	return err
}

// OnModuleDestroy stops it: clients are still connected, and what the job uses still works.
func (t *Ticker) OnModuleDestroy(ctx context.Context) error {
	if t.scheduler == nil { // the start has failed before the job
		return nil
	}
	return t.scheduler.ShutdownWithContext(ctx) // waits for a job that runs, and ends its context
}

func (t *Ticker) tick(ctx context.Context) error {
	err := t.gateway.Server.To("news").Local().Emit(ctx, "tick", time.Now())
	if err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	return nil
}

var Module = module.New("jobs", module.Providers(websockets.Gateway(NewGateway), NewTicker, module.Value(Every(time.Minute))))

// end
