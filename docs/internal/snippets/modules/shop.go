// Package modules is the code of docs/modules.md.
package modules

import (
	"context"
	"errors"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

// Store keeps orders.
//
// snippet:declare
type Store interface{ Save(order string) error }

type Memory struct{ orders []string }

func NewMemory() *Memory { return &Memory{} }

func (m *Memory) Save(order string) error {
	m.orders = append(m.orders, order)
	return nil
}

var StoreModule = module.New("store",
	module.Exports(module.As[Store](NewMemory)), // importers can inject Store
)

type Orders struct {
	store Store
	clock *Clock
}

func NewOrders(store Store, clock *Clock) *Orders { return &Orders{store, clock} }

var OrdersModule = module.New("orders",
	module.Imports(StoreModule),
	module.Providers(NewClock), // private to orders
	module.Exports(NewOrders),  // available to importers of orders
)

// end

// Clock returns the time.
type Clock struct{}

// NewClock makes a Clock.
func NewClock() *Clock { return &Clock{} }

// Place saves an order.
func (o *Orders) Place(order string) error {
	if order == "" {
		return errors.New("orders: empty")
	}
	return o.store.Save(order)
}

// MailConfig is what a mail module needs.
//
// snippet:dynamic
type MailConfig struct{ Host string }

type Mailer struct{ cfg MailConfig }

func NewMailer(cfg MailConfig) *Mailer { return &Mailer{cfg} }

func MailModule(cfg MailConfig) *module.Module {
	return module.New("mail",
		module.Providers(module.Value(cfg)),
		module.Exports(NewMailer),
	)
}

// end

// Host is the mailer's.
func (m *Mailer) Host() string { return m.cfg.Host }

// ReportParams are the parameters of NewReport.
//
// snippet:params
type ReportParams struct {
	fx.In

	Replica Store   `name:"replica"`
	Mailer  *Mailer `optional:"true"` // nil if not available in the module
}

type Report struct{ p ReportParams }

func NewReport(p ReportParams) *Report { return &Report{p} }

var ReportModule = module.New("report",
	module.Providers(module.As[Store](module.Named("replica", NewMemory))),
	module.Exports(NewReport),
)

// end

// HasMailer reports whether a Mailer was injected.
func (r *Report) HasMailer() bool { return r.p.Mailer != nil }

// Users and Rooms need each other.
//
// snippet:lazy
type (
	Users struct{ rooms *Rooms }
	Rooms struct{ users module.Lazy[*Users] }
)

func NewUsers(rooms *Rooms) *Users              { return &Users{rooms} }
func NewRooms(users module.Lazy[*Users]) *Rooms { return &Rooms{users} }

func (r *Rooms) OnModuleInit(context.Context) error {
	r.users.Get().Welcome() // all constructors have run
	return nil
}

// end

// Welcome does nothing.
func (u *Users) Welcome() {}

type jobMark struct{ every time.Duration }

// Runner runs.
type Runner interface {
	Run(ctx context.Context) error
}

// Job marks a constructor as one of a job.
//
// snippet:mark
func Job(ctor any, every time.Duration) module.Provider {
	return module.Mark(ctor, jobMark{every})
}

func Jobs(graph *module.Graph) map[string]time.Duration {
	jobs := map[string]time.Duration{}
	for inst, job := range module.Marked[jobMark](graph) {
		jobs[inst.Name] = job.every
	}
	return jobs
}

// end
