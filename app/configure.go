package app

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
)

// Configure adds options that need built values, such as those of a configuration. f is a function that injects what the
// root module sees, and returns []app.Option, or these and an error:
//
//	app.Main(Module, app.WebSockets(ws.New()), app.Configure(func(c *Config) []app.Option {
//		return []app.Option{app.HTTP(c.Addr, web.Prefix(c.Prefix)), app.TrustedProxies(c.Proxies...)}
//	}))
//
// Start calls f once, with the constructors. Its options stand in the place of this one: of options of which the last
// counts, such as the address of [HTTP], those after Configure take precedence. All options can come from f but
// these, which have been used by then, and which are start errors there: [Logger], [StartTimeout], [LogLines], [Resolve] and
// Configure. Guards and the like must be values or [pipeline.Injected] there. What New, [Validate] and [Describe] can check
// without these options they check; the start checks the rest. Options of gateways come from their method GatewayOptions.
func Configure(f any) Option {
	o := &configureOption{at: callerPlace(), f: f}
	o.problem = o.check()
	return o
}

type configureOption struct {
	at      place.Position
	f       any
	problem string // of f; "" for none
}

const configureForm = "pass a function such as func(c *Config) []app.Option"

// check returns what is wrong with the function.
func (o *configureOption) check() string {
	v := reflect.ValueOf(o.f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return fmt.Sprintf("has a %T: %s", o.f, configureForm)
	}
	t := v.Type()
	isError := t.NumOut() == 2 && t.Out(1) == reflect.TypeFor[error]()
	if t.NumOut() == 0 || t.Out(0) != reflect.TypeFor[[]Option]() || t.NumOut() > 1 && !isError {
		return fmt.Sprintf("has a %T, which does not return []app.Option, or []app.Option and an error: %s", o.f, configureForm)
	}
	return ""
}

func (o *configureOption) apply(c *config) {
	if o.problem != "" {
		c.problemf(o.at, "Configure")(o.problem)
		return
	}
	c.configures = append(c.configures, o)
	for _, late := range c.late[o] {
		if late != nil {
			late.apply(c)
		}
	}
}

// pending reports whether there are options that are not built yet.
func (c *config) pending() bool { return len(c.configures) > 0 && c.late == nil }

// constructors returns the functions of Configure, which the root module builds.
func (c *config) constructors() (all []any) {
	for _, o := range c.configures {
		all = append(all, module.Mark(o.f, o))
	}
	return all
}

// configure replaces the options of the application by those with the options of Configure, once these are built.
func (a *App) configure() error {
	late := map[*configureOption][]Option{}
	for inst, o := range module.Marked[*configureOption](a.graph) {
		if opts, ok := inst.Value.([]Option); ok {
			late[o] = opts
		}
	}
	c := newConfig(a.cfg.opts, late)
	c.control = a.cfg.control
	problems := c.problems
	for _, o := range c.refused(&a.cfg) {
		problems = append(problems, optionProblem(a.cfg.configures[0].at, "Configure",
			o+" has no effect in the result of the function, because it has been used by then: pass it to app.New or app.Main"))
	}
	if len(problems) > 0 {
		return &module.Error{Problems: problems}
	}
	c.log = a.cfg.log
	a.cfg = c
	return nil
}

// refused returns the options that were used before the functions of Configure have run.
func (c *config) refused(before *config) (all []string) {
	for name, changed := range map[string]bool{
		"Logger":       c.givenLog != before.givenLog,
		"StartTimeout": c.startTimeout != before.startTimeout,
		"LogLines":     c.logLines != before.logLines,
		"Resolve":      len(c.resolveOptions) != len(before.resolveOptions),
		"Configure":    len(c.configures) != len(before.configures),
	} {
		if changed {
			all = append(all, "app."+name)
		}
	}
	slices.Sort(all)
	return all
}
