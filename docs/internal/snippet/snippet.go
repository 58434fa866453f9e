// Package snippet holds the Go code on pages of documentation against the files
// it is taken from, so that every piece of it compiles.
//
// A piece on a page, fenced by ```go, is equal to a whole Go file of the
// repository, or to a region of one:
//
//	// snippet:join
//	func (g *Gateway) Join(ctx context.Context, room string) error { … }
//	// end
//
// Common indentation does not count, nor do blank lines around. Regions may lie
// within each other; their marks never show.
package snippet

import (
	"bytes"
	"fmt"
	"go/build/constraint"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Source is what a page may show: a file or a region of it.
type Source struct {
	File string
	Line int    // of the first line of Text
	Name string // of the region, empty for a whole file
	Text string
}

// Block is a piece of Go on a page.
type Block struct {
	Page string
	Line int // of the first line of Text
	Text string
}

// Check holds every Go block of the pages against the Go files of a repository
// and returns the problems, each with its place. shown is how many blocks
// there were.
func Check(repo fs.FS, pages []string) (shown int, problems []string, err error) {
	sources, problems, err := Sources(repo)
	if err != nil {
		return 0, nil, err
	}
	used := map[Source]bool{}
	for _, page := range pages {
		text, err := fs.ReadFile(repo, page)
		if err != nil {
			return 0, nil, err
		}
		blocks, problem := Blocks(page, string(text))
		if problem != "" {
			problems = append(problems, problem)
		}
		for _, b := range blocks {
			shown++
			found := false
			for _, s := range sources {
				if s.Text == b.Text {
					used[s], found = true, true
				}
			}
			if !found {
				problems = append(problems, unknown(b, sources))
			}
		}
	}
	for _, s := range sources {
		if s.Name != "" && !used[s] {
			problems = append(problems, fmt.Sprintf("%s:%d: snippet %s is on no page", s.File, s.Line, s.Name))
		}
	}
	return shown, problems, nil
}

// Sources returns the files that are compiled, and their regions.
func Sources(repo fs.FS) (sources []Source, problems []string, err error) {
	err = fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && uncompiled(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || uncompiled(d.Name()):
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		if err != nil {
			return err
		}
		if constrained(text) {
			return nil
		}
		found, wrong := Regions(name, string(text))
		sources = append(sources, found...)
		problems = append(problems, wrong...)
		return nil
	})
	return sources, problems, err
}

// uncompiled: the go command does not look there, or it is not ours.
func uncompiled(name string) bool {
	return name == "testdata" || name == "node_modules" || name == "vendor" || name[0] == '.' || name[0] == '_'
}

// constrained files may never be compiled, so they are no sources.
func constrained(text []byte) bool {
	for line := range bytes.Lines(text) {
		if constraint.IsGoBuild(strings.TrimSpace(string(line))) {
			return true
		}
		if bytes.HasPrefix(line, []byte("package ")) {
			return false
		}
	}
	return false
}

const (
	openMark  = "// snippet:"
	closeMark = "// end"
)

// Regions returns a file as a whole, and its regions.
func Regions(file, text string) (sources []Source, problems []string) {
	type region struct {
		Source
		lines []string
	}
	open := []region{{Source: Source{File: file, Line: 1}}}
	seen := map[string]bool{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		mark := strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(mark, openMark); ok {
			if name == "" || seen[name] {
				problems = append(problems, fmt.Sprintf("%s:%d: snippet %q has no name of its own in the file", file, number, name))
			}
			seen[name] = true
			open = append(open, region{Source: Source{File: file, Line: number + 1, Name: name}})
			continue
		}
		if last := len(open) - 1; mark == closeMark && last > 0 {
			done := open[last]
			open = open[:last]
			if done.Text = normalize(done.lines); done.Text == "" {
				problems = append(problems, fmt.Sprintf("%s:%d: snippet %s is empty", file, done.Line, done.Name))
			}
			sources = append(sources, done.Source)
			continue
		}
		for i := range open {
			open[i].lines = append(open[i].lines, line)
		}
	}
	for _, never := range open[1:] {
		problems = append(problems, fmt.Sprintf("%s:%d: snippet %s has no %q", file, never.Line, never.Name, closeMark))
	}
	whole := open[0]
	whole.Text = normalize(whole.lines)
	return append(sources, whole.Source), problems
}

// Blocks returns the fenced Go blocks of a page in Markdown.
func Blocks(page, text string) (blocks []Block, problem string) {
	var (
		fence string // that opened the block
		isGo  bool
		block Block
		lines []string
	)
	number := 0
	for line := range strings.Lines(text) {
		number++
		trimmed := strings.TrimSpace(line)
		width := len(trimmed) - len(strings.TrimLeft(trimmed, "`"))
		if width == 0 {
			width = len(trimmed) - len(strings.TrimLeft(trimmed, "~"))
		}
		switch {
		case fence == "" && width >= 3:
			fence = trimmed[:width]
			isGo = isGoInfo(trimmed[width:])
			block, lines = Block{Page: page, Line: number + 1}, nil
		case fence != "" && width >= len(fence) && trimmed == strings.Repeat(fence[:1], width):
			if isGo {
				block.Text = normalize(lines)
				blocks = append(blocks, block)
			}
			fence = ""
		case fence != "":
			lines = append(lines, line)
		}
	}
	if fence != "" {
		problem = fmt.Sprintf("%s:%d: the block is never closed", page, block.Line)
	}
	return blocks, problem
}

func isGoInfo(info string) bool {
	words := strings.FieldsFunc(info, func(r rune) bool { return strings.ContainsRune(" \t{},", r) })
	return len(words) > 0 && slices.Contains([]string{"go", "golang"}, strings.ToLower(words[0]))
}

// normalize joins lines without their common indentation, without space at the
// end of lines, and without blank lines around.
func normalize(lines []string) string {
	indent, first := "", true
	var out []string
	for _, line := range lines {
		line = strings.TrimRight(line, " \t\r\n")
		out = append(out, line)
		if line == "" {
			continue
		}
		own := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if first {
			indent, first = own, false
		}
		for !strings.HasPrefix(own, indent) {
			indent = indent[:len(indent)-1]
		}
	}
	for i := range out {
		out[i] = strings.TrimPrefix(out[i], indent)
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}

// unknown words the problem of a block without a source, with the nearest one.
func unknown(b Block, sources []Source) string {
	text := fmt.Sprintf("%s:%d: the code is in no Go file", b.Page, b.Line)
	best, score := Source{}, 0.0
	for _, s := range sources {
		if likeness := alike(b.Text, s.Text); likeness > score {
			best, score = s, likeness
		}
	}
	if score == 0 {
		return text + "; put it into docs/internal/snippets between `// snippet:name` and `// end`"
	}
	what := "whole file"
	if best.Name != "" {
		what = "snippet " + best.Name
	}
	page, file := strings.Split(b.Text, "\n"), strings.Split(best.Text, "\n")
	at := 0
	for at < len(page) && at < len(file) && page[at] == file[at] {
		at++
	}
	return fmt.Sprintf("%s; nearest is %s:%d (%s), which differs first in line %d:\n\tpage: %s\n\tfile: %s",
		text, best.File, best.Line, what, at+1, lineAt(page, at), lineAt(file, at))
}

func lineAt(lines []string, i int) string {
	if i >= len(lines) {
		return "(ends)"
	}
	return lines[i]
}

// alike is the share of lines that two texts have in common, 0 to 1.
func alike(a, b string) float64 {
	count := map[string]int{}
	total := 0
	for line := range strings.SplitSeq(a, "\n") {
		if line = strings.TrimSpace(line); len(line) > 1 {
			count[line]++
			total++
		}
	}
	common := 0
	for line := range strings.SplitSeq(b, "\n") {
		if line = strings.TrimSpace(line); len(line) > 1 {
			total++
			if count[line] > 0 {
				count[line]--
				common++
			}
		}
	}
	if total == 0 {
		return 0
	}
	return 2 * float64(common) / float64(total)
}
