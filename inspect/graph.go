package inspect

import (
	"context"

	"github.com/gatehouse-go/gatehouse/module"
)

// graph is the modules of the application.
type graph struct {
	Modules []moduleView `json:"modules"`
	// Edges are the dependencies between providers.
	Edges []edge `json:"edges"`
}

type moduleView struct {
	Name   string `json:"name"`
	Place  string `json:"place"`
	Global bool   `json:"global"`
	// Imports are the positions of modules in graph.Modules.
	Imports   []int      `json:"imports"`
	Providers []provider `json:"providers"`
}

type provider struct {
	Name     string   `json:"name"`
	Place    string   `json:"place"`
	Kind     string   `json:"kind"`
	Exported bool     `json:"exported"`
	Types    []string `json:"types"`
}

// edge is a dependency of From on To: a module's position, and the name of a provider.
type edge struct {
	From     int    `json:"from"`
	Provider string `json:"provider"`
	To       int    `json:"to"`
	Needs    string `json:"needs"`
	Type     string `json:"type"`
	Lazy     bool   `json:"lazy"`
}

func (i *inspector) graph(context.Context, struct{}) (graph, error) {
	if err := i.running(); err != nil {
		return graph{}, err
	}
	g := graph{Modules: []moduleView{}, Edges: []edge{}}
	at := map[*module.Module]int{}
	for m := range i.about.Modules.Modules() {
		if _, again := at[m]; !again {
			at[m] = len(g.Modules)
			g.Modules = append(g.Modules, moduleView{Name: m.Name(), Place: m.Place(), Global: m.IsGlobal(), Imports: []int{}, Providers: []provider{}})
		}
	}
	for m, n := range at {
		for to := range m.Imported() {
			if k, ok := at[to]; ok {
				g.Modules[n].Imports = append(g.Modules[n].Imports, k)
			}
		}
	}
	for d := range i.about.Modules.Declared() {
		n, ok := at[d.Module]
		if !ok {
			continue
		}
		p := provider{Name: d.Name, Place: d.Place, Kind: d.Kind.String(), Exported: d.Exported, Types: []string{}}
		for _, t := range d.Provides {
			p.Types = append(p.Types, t.String())
		}
		g.Modules[n].Providers = append(g.Modules[n].Providers, p)
	}
	seen := map[edge]bool{}
	for e := range i.about.Modules.Edges() {
		from, ok := at[e.From.Module]
		to, known := at[e.To.Module]
		v := edge{from, e.From.Name, to, e.To.Name, e.Type.String(), e.Lazy}
		if ok && known && !seen[v] {
			seen[v] = true
			g.Edges = append(g.Edges, v)
		}
	}
	return g, nil
}
