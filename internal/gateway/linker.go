package gateway

import (
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// linker makes the chains of one gateway at one endpoint.
type linker struct {
	built  pipe.Built
	global pipe.Scope
	owner  pipe.Scope
	events map[string]pipe.Binding
}

func newLinker(cfg *config.Gateway, global pipe.Scope, built pipe.Built) (*linker, []string) {
	l := &linker{built: built, global: global, events: map[string]pipe.Binding{}}
	var problems []string
	var err error
	if l.owner, err = cfg.Enhanced.Resolve(built); err != nil {
		problems = append(problems, err.Error())
	}
	for _, e := range cfg.Events {
		l.events[e.Event] = l.events[e.Event].Join(e.Binding)
	}
	return l, problems
}

// handler makes the chain of a handler.
func (l *linker) handler(sub handler.Spec) (*pipe.Chain, error) {
	scope, err := sub.Enhanced.Join(l.events[sub.Event]).Resolve(l.built)
	return pipe.Link(l.global, l.owner, scope), err
}
