package redis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The protocol is followed alike in whatever pieces it comes.
func TestValues(t *testing.T) {
	text := "+OK\r\n-ERR no\r\n:-7\r\n_\r\n#t\r\n,1.5\r\n(12345678901234567890\r\n$-1\r\n$0\r\n\r\n$5\r\na\r\nbc\r\n*-1\r\n*0\r\n" +
		"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$20\r\n01234567890123456789\r\n%1\r\n$5\r\nproto\r\n:3\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*2\r\n*2\r\n:1\r\n*1\r\n+x\r\n~1\r\n=5\r\ntxt:a\r\n"
	want := []string{
		"+ 0 OK", "- 0 ERR no", ": 0 ", "_ 0 ", "# 0 ", ", 0 1.5", "( 0 12345678901234567890", "$ 0 ", "$ 0 ", "$ 0 a\r\nbc", "* 0 ", "* 0 ",
		"* 3 PUBLISH", "% 1 proto", "> 3 subscribe", "* 2 x",
	}
	for size := 1; size <= len(text); size++ {
		var s values
		var got []string
		for piece := range slices.Chunk([]byte(text), size) {
			err := s.read(piece, func(v value) error {
				got = append(got, fmt.Sprintf("%c %d %s", v.kind, v.elements, v.word))
				return nil
			})
			if err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pieces of %d: %q, want %q", size, got, want)
		}
	}
}

// Bytes that are no protocol are an error, whatever is changed in them, and take no more memory than a line.
func TestValuesOfGarbage(t *testing.T) {
	for _, text := range []string{
		"$99999999999999\r\n", "$-5\r\n", "$536870913\r\n", "$x\r\n", "$?\r\n", "*99999\r\n", "*-2\r\n", ">-1\r\n", "%-1\r\n", "HTTP/1.1 400\r\n", "\n", "+OK\n", "|1\r\n", ".\r\n",
		"_x\r\n", "#true\r\n", ":x\r\n", ":\r\n", strings.Repeat("*1\r\n", maxDepth+1), "+" + strings.Repeat("x", maxLine), "\x16\x03\x01\x00\n",
	} {
		var s values
		if err := s.read([]byte(text), func(value) error { return nil }); !errors.Is(err, errProtocol) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("$*%>~+-:_#,|0123456789\r\n\r\n\r\nx")
	for range 20_000 {
		var s values
		b := make([]byte, rnd.IntN(60))
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		_ = s.read(b, func(value) error { return nil })
		if len(s.open) > maxDepth+1 || len(s.word) > maxWord || cap(s.line) > 2*maxLine {
			t.Fatalf("%q: %+v", b, s)
		}
	}
}

// An answer is one to a command, and a confirmation one of a subscription.
func TestGuardedAnswers(t *testing.T) {
	const (
		publish     = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\nx\r\n"
		subscribe   = "*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n"
		unsubscribe = "*2\r\n$11\r\nUNSUBSCRIBE\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n"
		confirmed   = ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
		gone        = ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"
		message     = ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
	)
	old := strings.NewReplacer(">", "*").Replace // without RESP3
	for _, c := range []struct {
		commands, answers string
		ok                bool
	}{
		{"", message, true},
		{"", old(message), true},
		{"", ":1\r\n", false},
		{"", confirmed, false},
		{publish, ":1\r\n", true},
		{publish, ":1\r\n:1\r\n", false},
		{publish, "+QUEUED\r\n", false},
		{publish, confirmed, false},
		{publish, message + "-NOPERM\r\n" + message, true},
		{subscribe, confirmed + message + confirmed, true},
		{subscribe, old(confirmed + message + confirmed), true},
		{subscribe, confirmed + confirmed + confirmed, false},
		{subscribe, "-NOPERM\r\n", true},
		{subscribe + publish, confirmed + confirmed + ":1\r\n", true},
		{unsubscribe, gone + "+PONG\r\n", true},
		{unsubscribe, "-NOPERM\r\n+PONG\r\n", true},
		{unsubscribe, gone + "+PONG\r\n+PONG\r\n", false},
		{unsubscribe + subscribe, gone + "+PONG\r\n" + confirmed, true},
	} {
		var g guard
		if err := g.commands.read([]byte(c.commands), g.asked); err != nil {
			t.Errorf("%q: %v", c.commands, err)
		}
		if err := g.answers.read([]byte(c.answers), g.answered); (err == nil) != c.ok {
			t.Errorf("%q answered by %q: %v", c.commands, c.answers, err)
		}
	}
}
