package contracttest

import (
	"fmt"
	"slices"
	"strings"
)

// shownLines is how many changed lines a difference shows.
const shownLines = 20

// difference returns the first lines in which two texts differ, with the number of the line in the old text.
func difference(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	for len(a) > start && len(b) > start && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	common := subsequence(a[start:], b[start:])
	var out []string
	changed := 0
	line := func(number int, sign, text string) {
		if changed++; changed <= shownLines {
			out = append(out, fmt.Sprintf("\t%5d %s %s", number, sign, text))
		}
	}
	i, j := start, start
	for _, c := range append(common, pair{len(a) - start, len(b) - start}) {
		for ; i < start+c.a; i++ {
			line(i+1, "-", a[i])
		}
		for ; j < start+c.b; j++ {
			line(i+1, "+", b[j])
		}
		i, j = i+1, j+1
	}
	if changed > shownLines {
		out = append(out, fmt.Sprintf("\tand %d more changed lines", changed-shownLines))
	}
	return strings.Join(out, "\n")
}

// pair are the indexes of a line that both texts have.
type pair struct{ a, b int }

// subsequence returns the lines of a longest common subsequence. For texts with more than mostCells pairs of lines it is none.
func subsequence(a, b []string) (common []pair) {
	const mostCells = 16 << 20
	if len(a)*len(b) > mostCells {
		return nil
	}
	longest := make([][]int32, len(a)+1) // of the rests from i and j on
	cells := make([]int32, (len(a)+1)*(len(b)+1))
	for i := range longest {
		longest[i] = cells[i*(len(b)+1) : (i+1)*(len(b)+1)]
	}
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			if left == right {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			common = append(common, pair{i, j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return common
}
