package doors_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// TestFault_V4_ExtensionsHeader: Garbage in Sec-WebSocket-Extensions, such as names of JavaScript properties, 10,000
// parameters and random bytes, opens a connection without that extension, or is refused; GHSA-5v72-xg48-5rpm.
func TestFault_V4_ExtensionsHeader(t *testing.T) {
	fixed := []string{
		"constructor", "__proto__", "toString; valueOf=hasOwnProperty", "permessage-deflate; __proto__=1; constructor",
		"permessage-deflate; client_max_window_bits=__proto__", "permessage-deflate; server_max_window_bits=99",
		"permessage-deflate; server_max_window_bits=-1", "permessage-deflate;;;;,,,,;=;=", `permessage-deflate; a="`,
		`permessage-deflate; a="\`, "permessage-deflate" + strings.Repeat(", permessage-deflate", 1000),
		"permessage-deflate" + strings.Repeat(";a", 10_000), strings.Repeat("x,", 20_000), strings.Repeat(";", 40_000),
		"permessage-deflate; client_no_context_takeover=1", ",", ";", "=", "",
	}
	alphabet := []string{"permessage-deflate", "client_max_window_bits", "server_no_context_takeover", ";", ",", "=", `"`, `\`, " ", "\t", "15", "8", "\xff", "x"}
	rng := rand.New(rand.NewPCG(4, 4))
	for range 150 {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteString(alphabet[rng.IntN(len(alphabet))])
		}
		fixed = append(fixed, b.String())
	}
	for name, opts := range map[string]stage.Option{
		"off":     stage.Gateway(),
		"each":    stage.Gateway(ws.Options{Compression: ws.CompressionEach}),
		"each io": stage.Gateway(socketio.Options{Compression: socketio.CompressionEach}),
	} {
		t.Run(name, func(t *testing.T) {
			way := map[string]string{"off": plain + " " + overWS, "each": plain, "each io": overWS}[name]
			eachEndpoint(t, []stage.Option{opts}, func(t *testing.T, d *endpoint) {
				for _, value := range fixed {
					a := d.handshake("Sec-WebSocket-Extensions: " + value)
					chosen := a.Header.Get("Sec-WebSocket-Extensions")
					switch {
					case a.Status != 101 && a.Status != 400:
						t.Errorf("%.80q: %d %.100s", value, a.Status, a.Body)
					case chosen != "" && (name == "off" || !strings.Contains(value, "permessage-deflate")):
						t.Errorf("%.80q: %q was chosen", value, chosen)
					}
				}
				d.alive()
				d.quiet()
			}, way)
		})
	}
}

// TestCVE_2021_32640_V5_SubprotocolHeader: 60 KB of blanks and commas in Sec-WebSocket-Protocol take about as long as ten times 6 KB, not a hundred times.
func TestCVE_2021_32640_V5_SubprotocolHeader(t *testing.T) {
	best := func(d *endpoint, line string) time.Duration {
		least := time.Hour
		for range 20 {
			started := time.Now()
			if a := d.handshake("Sec-WebSocket-Protocol: v1" + line); a.Status != 101 {
				d.t.Fatalf("%d %.100s", a.Status, a.Body)
			}
			least = min(least, time.Since(started))
		}
		return least
	}
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for _, unit := range []string{" ", ",", " ,", ", v9"} {
			short := best(d, strings.Repeat(unit, 6000/len(unit))+"x")
			long := best(d, strings.Repeat(unit, 60_000/len(unit))+"x")
			if long > 40*short {
				t.Errorf("of %q 6 KB took %v, 60 KB %v", unit, short, long)
			}
		}
		d.alive()
	}, plain, overWS)
}

// TestCVE_2024_37890_V6_TooManyHeaders: A handshake with 2,000 additional header lines is served if they are short,
// with all of its own lines intact, and refused with 431 if they are over 64 KiB.
func TestCVE_2024_37890_V6_TooManyHeaders(t *testing.T) {
	lines := func(n, size int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", size)))
		}
		return all
	}
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		if a := d.handshake(lines(2000, 1)...); a.Status != d.opened() {
			t.Errorf("2,000 short lines: %d %.100s", a.Status, a.Body)
		}
		for name, many := range map[string][]string{
			"2,000 lines of 40": lines(2000, 40), "1 line of 80 KB": lines(1, 80_000), "the same name": strings.Split(strings.Repeat("A: b\n", 20_000)+"A: b", "\n"),
		} {
			// The answer may be lost: the server does not read the rest.
			p, err := d.try(d.request(many...))
			if err == nil && p.Status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s: %d", name, p.Status)
			}
		}
		target := strings.Replace(d.request(), d.target, d.target+"?"+strings.Repeat("x", 80_000), 1)
		if p, err := d.try(target); err == nil && p.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a target of 80 KB: %d", p.Status)
		}
		d.alive()
		d.quiet()
	})
}
