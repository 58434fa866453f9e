package zishang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// level is one open object or array during checkPlaceholders.
type level struct {
	object bool
	value  bool // the next token is a member's value
	name   string
	marked bool // "_placeholder": true was seen
	num    int  // of "num"; -1 when absent or no index
}

// checkPlaceholders verifies that the JSON text points to each of n attachments
// exactly once, by {"_placeholder":true,"num":i}. Anything else is refused: a
// number out of range or used twice, and attachments that nothing points to.
func checkPlaceholders(text []byte, n int) error {
	used := make([]bool, n)
	left := n
	var stack []level
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("payload is not valid JSON: %w", err)
		}
		kind := tok.Kind()
		if kind == '}' || kind == ']' {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if top.marked {
				if top.num < 0 || top.num >= n || used[top.num] {
					return errors.New("illegal attachment placeholder")
				}
				used[top.num] = true
				left--
			}
			continue
		}
		if len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.object && !top.value {
				top.name, top.value = tok.String(), true
				continue
			}
			top.take(tok)
		}
		if kind == '{' || kind == '[' {
			stack = append(stack, level{object: kind == '{', num: -1})
		}
	}
	if left > 0 {
		return errors.New("attachments without a placeholder")
	}
	return nil
}

// take notes the value of a member.
func (l *level) take(tok jsontext.Token) {
	l.value = false
	switch l.name {
	case "_placeholder":
		l.marked = tok.Kind() == 't'
	case "num":
		l.num = -1
		if tok.Kind() == '0' {
			if i, err := strconv.Atoi(tok.String()); err == nil {
				l.num = i
			}
		}
	}
}
