package module_test

import (
	"slices"

	"github.com/gatehouse-go/gatehouse/module"
)

// The model is a random graph as plain data, with the expected result computed in the
// simplest way, on sets. It shares no code with the resolver.

// choices converts bytes to decisions; it returns zeros when there are no more bytes.
type choices struct{ data []byte }

func (c *choices) below(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func (c *choices) oneIn(n int) bool { return c.below(n) == n-1 }

type mNeed struct {
	typ                   int
	name                  string
	optional, lazy, group bool
}

type mNode struct {
	id, mod    int
	typ        int // concrete
	also       int // a second result, or -1
	as         bool
	name       string
	group      bool
	flatten    bool // two members of the group
	raw        bool // a FromFx with the raw option that provides it
	exported   bool
	controller bool
	needs      []mNeed
}

// plain makes n a provider of one type.
func (n *mNode) plain() {
	n.as, n.name, n.also, n.flatten, n.raw = false, "", -1, false, false
}

func (n *mNode) keys() []mKey {
	switch {
	case n.as:
		return []mKey{{ifaceType, n.name}}
	case n.also >= 0:
		return []mKey{{n.typ, ""}, {n.also, ""}}
	}
	return []mKey{{n.typ, n.name}}
}

type mKey struct {
	typ  int
	name string
}

type mModule struct {
	imports, reexports []int // both are visible
	global             bool
	nodes              []*mNode
}

type mGraph struct {
	mods     []*mModule // the last is the root; 0 holds the defaults
	nodes    []*mNode
	override int // type, or -1
}

func generate(c *choices) *mGraph {
	g := &mGraph{override: -1}
	count := 2 + c.below(5)
	for i := range count {
		m := &mModule{}
		for j := 1; j < i; j++ {
			switch c.below(5) {
			case 1, 2:
				m.imports = append(m.imports, j)
			case 3:
				m.reexports = append(m.reexports, j)
			}
		}
		m.global = i > 0 && c.oneIn(5)
		for range c.below(5) {
			n := &mNode{id: len(g.nodes), mod: i, typ: c.below(5), also: -1}
			switch c.below(4) {
			case 1, 2:
				n.exported = i > 0
			case 3:
				n.controller = i > 0 && c.oneIn(2)
			}
			if c.oneIn(6) {
				n.as = true
			} else if c.oneIn(6) {
				n.group = true
				n.flatten = c.oneIn(2)
			}
			if c.oneIn(6) && !n.group {
				n.name = "x"
			}
			if !n.as && !n.group && n.name == "" && !n.controller {
				switch c.below(8) {
				case 1:
					n.also = (n.typ + 1 + c.below(4)) % 5
				case 2:
					n.raw = i > 0
				}
			}
			for range c.below(4) {
				if n.raw { // fx resolves the needs of raw options
					break
				}
				nd := mNeed{typ: c.below(6)}
				nd.lazy = c.oneIn(6)
				nd.optional = c.oneIn(3)
				if c.oneIn(6) {
					nd.name = "x"
				}
				if c.oneIn(6) {
					nd = mNeed{typ: nd.typ % 5, group: true}
				}
				n.needs = append(n.needs, nd)
			}
			m.nodes = append(m.nodes, n)
			g.nodes = append(g.nodes, n)
		}
		g.mods = append(g.mods, m)
	}
	if c.oneIn(4) {
		g.override = c.below(6)
	}
	return g
}

type mNodes = []*mNode

func addNode(to mNodes, n *mNode) mNodes {
	if slices.Contains(to, n) {
		return to
	}
	return append(to, n)
}

type model struct {
	*mGraph
	reachable []bool
	exports   []map[mKey]mNodes
	bound     map[*mNode][]mNodes // per need
	built     map[*mNode]bool     // has an instance
	called    map[*mNode]bool     // its constructor is called
	problems  map[module.ProblemKind]int
}

func (g *mGraph) model() *model {
	m := &model{mGraph: g, bound: map[*mNode][]mNodes{}, built: map[*mNode]bool{},
		called: map[*mNode]bool{}, problems: map[module.ProblemKind]int{}}
	m.reachable = make([]bool, len(g.mods))
	m.reachable[0] = true
	m.reach(len(g.mods) - 1)
	m.fixExports()
	overridden := m.overrides()
	edges := map[[2]int]bool{}
	for _, n := range m.live() {
		for _, nd := range n.needs {
			targets, bad := m.see(n.mod, nd)
			m.bound[n] = append(m.bound[n], targets)
			if overridden[n] {
				continue
			}
			if bad != "" {
				m.problems[bad]++
				continue
			}
			for _, t := range targets {
				if !nd.lazy {
					edges[[2]int{n.id, t.id}] = true
				}
			}
		}
	}
	m.countDuplicates()
	m.countCycles(edges)
	m.computeBuilt(overridden)
	return m
}

func (m *model) reach(i int) {
	if m.reachable[i] {
		return
	}
	m.reachable[i] = true
	for _, j := range slices.Concat(m.mods[i].imports, m.mods[i].reexports) {
		m.reach(j)
	}
}

func (m *model) live() (out mNodes) {
	for _, n := range m.nodes {
		if m.reachable[n.mod] {
			out = append(out, n)
		}
	}
	return out
}

// own returns the first provider of each key.
func (m *model) own(mod int, k mKey) *mNode {
	for _, n := range m.mods[mod].nodes {
		if !n.controller && !n.group && slices.Contains(n.keys(), k) {
			return n
		}
	}
	return nil
}

func (m *model) fixExports() {
	var keys []mKey
	for t := range thingTypes {
		keys = append(keys, mKey{t, ""}, mKey{t, "x"})
	}
	m.exports = make([]map[mKey]mNodes, len(m.mods))
	for i := range m.exports {
		m.exports[i] = map[mKey]mNodes{}
	}
	for changed := true; changed; {
		changed = false
		for i, mod := range m.mods {
			for _, k := range keys {
				set := m.exports[i][k]
				if n := m.own(i, k); n != nil && n.exported {
					set = addNode(set, n)
				} else {
					for _, j := range mod.reexports {
						for _, n := range m.exports[j][k] {
							set = addNode(set, n)
						}
					}
				}
				changed = changed || len(set) != len(m.exports[i][k])
				m.exports[i][k] = set
			}
		}
	}
}

func (m *model) see(mod int, nd mNeed) (mNodes, module.ProblemKind) {
	if nd.group {
		return m.group(mod, nd.typ), ""
	}
	k := mKey{nd.typ, nd.name}
	if n := m.own(mod, k); n != nil {
		return mNodes{n}, ""
	}
	var imported, global mNodes
	for _, j := range slices.Concat(m.mods[mod].imports, m.mods[mod].reexports) {
		for _, n := range m.exports[j][k] {
			imported = addNode(imported, n)
		}
	}
	for j, other := range m.mods {
		if other.global && m.reachable[j] {
			for _, n := range m.exports[j][k] {
				global = addNode(global, n)
			}
		}
	}
	for _, level := range []mNodes{imported, global} {
		if len(level) > 1 {
			return level, module.ProblemAmbiguous
		}
		if len(level) == 1 {
			return level, ""
		}
	}
	if n := m.own(0, k); n != nil {
		return mNodes{n}, ""
	}
	if nd.optional {
		return nil, ""
	}
	return nil, module.ProblemMissing
}

func (m *model) group(mod, typ int) (out mNodes) {
	seen := map[int]bool{}
	var see func(int)
	see = func(j int) {
		if seen[j] {
			return
		}
		seen[j] = true
		for _, n := range m.mods[j].nodes {
			if n.group && !n.controller && n.typ == typ && (n.exported || j == mod || j == 0) {
				out = addNode(out, n)
			}
		}
		if j != mod {
			for _, r := range m.mods[j].reexports {
				see(r)
			}
		}
	}
	see(mod)
	for _, j := range slices.Concat(m.mods[mod].imports, m.mods[mod].reexports) {
		see(j)
	}
	for j, other := range m.mods {
		if other.global && m.reachable[j] {
			see(j)
		}
	}
	see(0)
	return out
}

func (m *model) overrides() map[*mNode]bool {
	out, used := map[*mNode]bool{}, false
	if m.override < 0 {
		return out
	}
	for _, n := range m.live() {
		for _, k := range n.keys() {
			if !n.group && k.typ == m.override {
				used = true
				if n.also < 0 { // otherwise the constructor is called for its other result
					out[n] = true
				}
			}
		}
	}
	if !used {
		m.problems[module.ProblemOverride]++
	}
	return out
}

func (m *model) countDuplicates() {
	for _, n := range m.live() {
		for _, k := range n.keys() {
			if !n.controller && !n.group && m.own(n.mod, k) != n {
				m.problems[module.ProblemDuplicate]++
			}
		}
	}
}

// countCycles closes the relation and counts classes of nodes that reach each
// other.
func (m *model) countCycles(edges map[[2]int]bool) {
	n := len(m.nodes)
	for k := range n {
		for i := range n {
			for j := range n {
				if edges[[2]int{i, k}] && edges[[2]int{k, j}] {
					edges[[2]int{i, j}] = true
				}
			}
		}
	}
	for i := range n {
		if !edges[[2]int{i, i}] {
			continue
		}
		first := true
		for j := range i {
			first = first && !(edges[[2]int{i, j}] && edges[[2]int{j, i}])
		}
		if first {
			m.problems[module.ProblemCycle]++
		}
	}
}

// hasRaw reports whether a module has raw options, which may need any of its providers.
func (m *model) hasRaw(mod int) bool {
	return slices.ContainsFunc(m.mods[mod].nodes, func(n *mNode) bool { return n.raw })
}

func (m *model) computeBuilt(overridden map[*mNode]bool) {
	doubtful := map[*mNode]bool{}
	for changed := true; changed; {
		changed = false
		for _, n := range m.live() {
			if !overridden[n] && !doubtful[n] {
				continue
			}
			for _, targets := range m.bound[n] {
				for _, t := range targets {
					if !t.exported && !doubtful[t] && !m.hasRaw(t.mod) {
						doubtful[t] = true
						changed = true
					}
				}
			}
		}
	}
	var keep func(*mNode)
	keep = func(n *mNode) {
		if m.built[n] {
			return
		}
		m.built[n] = true
		if overridden[n] {
			return
		}
		m.called[n] = true
		for _, targets := range m.bound[n] {
			for _, t := range targets {
				keep(t)
			}
		}
	}
	for _, n := range m.live() {
		if !doubtful[n] {
			keep(n)
		}
	}
}
