package gateway

import (
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/enhance"
	"github.com/gatehouse-go/gatehouse/internal/handler"
)

// linker makes the chains of one gateway at one endpoint.
type linker struct {
	built  enhance.Built
	global enhance.Scope
	owner  enhance.Scope
	events map[string]enhance.Binding
}

func newLinker(cfg *config.Gateway, global enhance.Scope, built enhance.Built) (*linker, []string) {
	l := &linker{built: built, global: global, events: map[string]enhance.Binding{}}
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
func (l *linker) handler(sub handler.Spec) (*enhance.Chain, error) {
	scope, err := sub.Enhanced.Join(l.events[sub.Event]).Resolve(l.built)
	return enhance.Link(l.global, l.owner, scope), err
}
