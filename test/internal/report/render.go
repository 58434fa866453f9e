package main

import (
	"bytes"
	_ "embed" // for the frame of the page
	"fmt"
	"runtime"
	"strings"
	"text/template"
)

//go:embed frame.md.tmpl
var frame string

// page is the data of the frame.
type page struct {
	Sections                                  []table
	Tests, Rows, Passed, Failed, Skipped, Not int
	Go, System                                string
	Ran                                       bool
}

// table is a section of the page.
type table struct {
	Title string
	Lines []line
}

// line is a test, or a row without one. Its fields are escaped for a table.
type line struct {
	Row, Text, Test, Dir, Result string
}

func render(tests []test, rs results) ([]byte, error) {
	p := page{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	for _, s := range sections {
		t := table{Title: s.title}
		for n := s.first; n <= s.last; n++ {
			r := row{s.kind, n}
			lines := p.of(r, tests, rs)
			if lines == nil {
				e := exceptions[r]
				lines = []line{{Row: r.String(), Text: cell(e.text), Result: cell(e.reason)}}
				p.Not++
			}
			p.Rows++
			t.Lines = append(t.Lines, lines...)
		}
		p.Sections = append(p.Sections, t)
	}
	frame, err := template.New("frame").Parse(frame)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = frame.Execute(&b, p)
	return b.Bytes(), err
}

// of returns the lines of a row, and counts.
func (p *page) of(r row, tests []test, rs results) (lines []line) {
	for _, t := range tests {
		if t.row != r {
			continue
		}
		l := line{Row: r.String(), Text: cell(t.text), Test: t.name, Dir: t.dir, Result: "not run"}
		if t.needs != "" {
			l.Result += ": needs `" + t.needs + "`"
		}
		if t.reports != "" {
			l.Row += "<br>" + t.reports
		}
		p.Tests++
		if got := rs[[2]string{t.dir, t.name}]; got != nil {
			l.Result = p.count(got.action)
			if on := got.on(); len(on) > 0 {
				l.Result += ": " + strings.Join(on, ", ")
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func (p *page) count(action string) string {
	p.Ran = true
	switch action {
	case "pass":
		p.Passed++
		return "passes"
	case "skip":
		p.Skipped++
		return "skipped"
	}
	p.Failed++ // also if it never ended
	return "**fails**"
}

var special = strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "\n", " ")

// cell escapes text for a table.
func cell(s string) string { return special.Replace(s) }

// problems returns what is wrong with the list, such as rows without a test or a reason.
func problems(tests []test) (all []string) {
	listed := map[row]bool{}
	for _, s := range sections {
		for n := s.first; n <= s.last; n++ {
			listed[row{s.kind, n}] = true
		}
	}
	tested := map[row]bool{}
	for _, t := range tests {
		tested[t.row] = true
		switch {
		case !listed[t.row]:
			all = append(all, fmt.Sprintf("%s in %s: row %s does not exist; see sections in rows.go", t.name, t.dir, t.row))
		case t.text == "":
			all = append(all, fmt.Sprintf("%s in %s has no comment: its first sentence must state what happens and what is expected", t.name, t.dir))
		}
	}
	for r := range exceptions {
		if tested[r] || !listed[r] {
			all = append(all, fmt.Sprintf("%s has a test, or is not a row: remove it from exceptions in rows.go", r))
		}
	}
	for r := range listed {
		if _, ok := exceptions[r]; !ok && !tested[r] {
			all = append(all, fmt.Sprintf("%s has no test: write one, or add the reason to exceptions in rows.go", r))
		}
	}
	return all
}
