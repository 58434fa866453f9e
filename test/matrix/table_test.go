package matrix_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/matrix"
)

type column struct{ mode, side string }

func (c column) String() string { return c.side + ", " + c.mode }

// table has the results, a row for each check in the order of first appearance.
type table struct {
	columns []column

	mu    sync.Mutex
	rows  []string
	cells map[string]map[column]matrix.Result
}

func (tab *table) add(c column, results []matrix.Result) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if tab.cells == nil {
		tab.cells = map[string]map[column]matrix.Result{}
	}
	for _, r := range results {
		if tab.cells[r.Name] == nil {
			tab.cells[r.Name] = map[column]matrix.Result{}
			tab.rows = append(tab.rows, r.Name)
		}
		tab.cells[r.Name][c] = r
	}
}

func (tab *table) cell(row string, c column) string {
	r, played := tab.cells[row][c]
	switch {
	case !played:
		return ""
	case r.OK:
		return "yes"
	default:
		return "no"
	}
}

// markdown returns the table, with rows by group.
func (tab *table) markdown() string {
	var b strings.Builder
	b.WriteString("| check |")
	for _, c := range tab.columns {
		b.WriteString(" " + c.String() + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(tab.columns)) + "\n")
	for _, row := range tab.sorted() {
		b.WriteString("| " + strings.ReplaceAll(row, "|", `\|`) + " |")
		for _, c := range tab.columns {
			b.WriteString(" " + tab.cell(row, c) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// sorted returns the rows by group, in the order of their first results.
func (tab *table) sorted() (rows []string) {
	var groups []string
	byGroup := map[string][]string{}
	for _, row := range tab.rows {
		group, _, _ := strings.Cut(row, ":")
		if byGroup[group] == nil {
			groups = append(groups, group)
		}
		byGroup[group] = append(byGroup[group], row)
	}
	for _, g := range groups {
		rows = append(rows, byGroup[g]...)
	}
	return rows
}

// report logs the table, and fails the test for checks that Gatehouse fails unintendedly.
func (tab *table) report(t *testing.T) {
	t.Helper()
	passed := map[column]int{}
	played := map[column]int{}
	var notes []string
	for _, row := range tab.sorted() {
		for _, c := range tab.columns {
			r, ok := tab.cells[row][c]
			if !ok {
				continue
			}
			played[c]++
			if r.OK {
				passed[c]++
				continue
			}
			note := fmt.Sprintf("%s: %s: %s", c, row, r.Detail)
			notes = append(notes, note)
			if _, known := intended[row]; c.side != "Node" && !known {
				t.Error(note)
			}
		}
	}
	t.Logf("%d checks\n%s", len(tab.rows), tab.markdown())
	for _, c := range tab.columns {
		t.Logf("%s: %d of %d", c, passed[c], played[c])
	}
	t.Logf("slowest: %s", tab.slowest(12))
	t.Logf("what failed:\n%s", strings.Join(notes, "\n"))
	for row, why := range intended {
		if cells := tab.cells[row]; cells != nil && tab.passes(cells, "Gatehouse") {
			t.Errorf("%q passes on Gatehouse, but is listed as intended to fail: %s", row, why)
		}
	}
}

// slowest returns the slowest checks.
func (tab *table) slowest(n int) string {
	type cell struct {
		at string
		ms int
	}
	var all []cell
	for row, cells := range tab.cells {
		for c, r := range cells {
			all = append(all, cell{c.String() + ": " + row, r.MS})
		}
	}
	slices.SortFunc(all, func(a, b cell) int { return b.ms - a.ms })
	var out []string
	for _, c := range all[:min(n, len(all))] {
		out = append(out, fmt.Sprintf("%s %d ms", c.at, c.ms))
	}
	return strings.Join(out, "; ")
}

func (tab *table) passes(cells map[column]matrix.Result, side string) bool {
	for c, r := range cells {
		if c.side == side && !r.OK {
			return false
		}
	}
	return true
}

// write writes the table to the file named by an environment variable.
func (tab *table) write(t *testing.T, variable string) {
	t.Helper()
	file := os.Getenv(variable)
	if file == "" {
		return
	}
	if err := os.WriteFile(file, []byte(tab.markdown()), 0o600); err != nil {
		t.Error(err)
	}
}
