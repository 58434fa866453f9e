package origin

import (
	"math"
	"strings"
)

// Parameters of RFC 3492 section 5.
const (
	base        = 36
	tMin        = 1
	tMax        = 26
	skew        = 38
	damp        = 700
	initialBias = 72
	initialN    = 0x80
)

const digits = "abcdefghijklmnopqrstuvwxyz0123456789"

// punycode returns a label in ASCII, RFC 3492 section 6.3: "xn--bcher-kva" for "bücher". A
// port that follows the last label stays behind it.
func punycode(label string) string {
	label, port, hasPort := strings.Cut(label, ":")
	if hasPort {
		port = ":" + port
	}
	var out strings.Builder
	runes := []rune(label)
	for _, r := range runes {
		if r < initialN {
			out.WriteRune(r)
		}
	}
	basic := out.Len()
	if basic == len(runes) {
		return label + port
	}
	if basic > 0 {
		out.WriteByte('-')
	}
	n, delta, bias := rune(initialN), 0, initialBias
	for handled := basic; handled < len(runes); n++ {
		next := rune(math.MaxInt32)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (handled + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			writeNumber(&out, delta, bias)
			bias = adapt(delta, handled+1, handled == basic)
			delta = 0
			handled++
		}
		delta++
	}
	return "xn--" + out.String() + port
}

// writeNumber writes a generalized variable-length integer, RFC 3492 section 3.3.
func writeNumber(out *strings.Builder, q, bias int) {
	for k := base; ; k += base {
		t := min(max(k-bias, tMin), tMax)
		if q < t {
			out.WriteByte(digits[q])
			return
		}
		out.WriteByte(digits[t+(q-t)%(base-t)])
		q = (q - t) / (base - t)
	}
}

// adapt returns the next bias, RFC 3492 section 6.1.
func adapt(delta, points int, first bool) int {
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (base-tMin)*tMax/2; k += base {
		delta /= base - tMin
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}
