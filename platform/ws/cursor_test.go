package ws

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

func TestScannerDepth(t *testing.T) {
	for _, n := range []int{1, 64, 65, jsonscan.MaxDepth, jsonscan.MaxDepth + 1, 100_000} {
		c := cursor{b: []byte(strings.Repeat("[", n) + strings.Repeat("]", n))}
		_, err := c.value()
		if want := n > jsonscan.MaxDepth; errors.Is(err, errDepth) != want {
			t.Errorf("depth %d: %v", n, err)
		}
	}
}
