package module

import (
	"fmt"
	"slices"
	"strings"
)

// Mermaid returns the graph as a Mermaid flowchart, for Markdown. Each module is a box of
// its constructors: exported ones have round ends, controllers and attached ones a double
// border. A solid arrow points to a dependency of a constructor, a dotted one to a
// dependency through [Lazy]. Arrows between modules are imports, thick ones re-exports.
// The text is the same on every run.
func (g *Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, s := range g.scopes {
		title := s.m.name
		if s.m.global {
			title += " (global)"
		}
		fmt.Fprintf(&b, "  subgraph m%d[\"%s\"]\n", s.id, escape(title))
		for _, n := range s.nodes {
			if n.pruned {
				continue
			}
			open, end := "[", "]"
			switch {
			case n.kind != KindProvider:
				open, end = "[[", "]]"
			case n.exported:
				open, end = "([", "])"
			}
			label := n.name
			if n.origin == originOverride {
				label += " (overridden)"
			}
			fmt.Fprintf(&b, "    p%d%s\"%s\"%s\n", n.id, open, escape(label), end)
		}
		b.WriteString("  end\n")
	}
	for _, s := range g.scopes {
		for _, to := range s.imports {
			arrow := "-->"
			if slices.Contains(s.reexports, to) {
				arrow = "==>"
			}
			fmt.Fprintf(&b, "  m%d %s m%d\n", s.id, arrow, to.id)
		}
	}
	seen := map[string]bool{}
	for from, d := range g.dependencies() {
		arrow := "-->"
		if d.need.lazy != nil {
			arrow = "-.->"
		}
		line := fmt.Sprintf("  p%d %s p%d\n", from.id, arrow, d.to.node.id)
		if !seen[line] {
			seen[line] = true
			b.WriteString(line)
		}
	}
	return b.String()
}

func escape(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}
