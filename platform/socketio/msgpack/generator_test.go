package msgpack

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// generator makes packets. Odd is how many percent of their parts are not as
// socket.io-client would send them.
type generator struct {
	*rand.Rand
	odd     int
	buffers int
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) packet() string {
	g.buffers = 0
	typ := g.one("\x00", "\x01", "\x02", "\x02", "\x02", "\x02", "\x03", "\x03")
	entries := []string{
		"\xa4type" + g.oddly(typ, "\xcc"+typ, "\xd0"+typ, "\x04", "\x05", "\xca\x40\x00\x00\x00", "\xc0", "\xa1"+typ),
		"\xa3nsp" + g.oddly(g.one("\xa1/", "\xa1/", "\xa5/chat", "\xa4/\xc3\xbc/", "\xd9\x05/a[1\""), "\xa0", "\xa4chat", "\xa4/a,b", "\xa2/\xff", "\xc0"),
	}
	if typ == "\x03" || typ == "\x02" && g.chance(40) {
		entries = append(entries, "\xa2id"+g.oddly(g.one("\x00", "\x07", "\xcc\xff", "\xcd\x10\x00", "\xcf\x00\x1f\xff\xff\xff\xff\xff\xff"),
			"\xff", "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "\xca\x40\x00\x00\x00", "\xc0", "\xa11"))
	} else if g.chance(20) {
		entries = append(entries, "\xa2id"+g.oddly("\xd4\x00\x00", "\x01", "\xc0"))
	}
	switch typ {
	case "\x00":
		if g.chance(70) {
			entries = append(entries, "\xa4data"+g.oddly(g.one("\xd4\x00\x00", "\x80", "\x81\xa5token\xa1x"), g.value(0), "\xc0"))
		}
	case "\x01":
		if g.chance(20) {
			entries = append(entries, "\xa4data"+g.oddly("\xd4\x00\x00", g.value(0), "\xc0"))
		}
	default:
		entries = append(entries, "\xa4data"+g.oddly(g.arguments(typ == "\x02"), g.value(0), "\x90", "\xc0"))
	}
	if g.chance(30) {
		entries = append(entries, g.one("\xa7options\x81\xa8compress\xc3", "\xa1x\x92\x01\xa1y"))
	}
	if g.odd > 0 && g.chance(g.odd) {
		entries = append(entries, g.one(entries[0], "\x05\x06", "\xc0\xc0", "\xa1x\xc7\x01\x63a"))
	}
	g.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	return g.header(msgp.AppendMapHeader, 0xde, len(entries)) + strings.Join(entries, "")
}

// oddly returns the usual value, and sometimes another.
func (g *generator) oddly(usual string, else_ ...string) string {
	if g.chance(g.odd) {
		return g.one(else_...)
	}
	return usual
}

func (g *generator) arguments(event bool) string {
	var args []string
	if event {
		args = append(args, g.oddly(g.one("\xa1e", "\xa7message", g.text(), "\x07", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
			"\xa7connect", "\xaadisconnect", "\xc0", "\x90", "\xc4\x01e", "\xa1\xff"))
	}
	for g.chance(60) {
		args = append(args, g.value(0))
	}
	return g.header(msgp.AppendArrayHeader, 0xdc, len(args)) + strings.Join(args, "")
}

// header is that of an array or map, sometimes longer than need be; wide is the
// first byte of the one with 16 bits.
func (g *generator) header(shortest func([]byte, uint32) []byte, wide byte, n int) string {
	switch g.IntN(10) {
	case 0:
		return string(binary.BigEndian.AppendUint16([]byte{wide}, uint16(n)))
	case 1:
		return string(binary.BigEndian.AppendUint32([]byte{wide + 1}, uint32(n)))
	}
	return string(shortest(nil, uint32(n)))
}

func (g *generator) value(depth int) string {
	switch n := g.IntN(14); {
	case n < 3:
		return g.text()
	case n < 6:
		return g.number()
	case n == 6:
		return g.one("\xc0", "\xc2", "\xc3", "\xd4\x00\x00")
	case n == 7:
		return g.binary()
	case n == 8:
		return "\xd7\x00" + string(binary.BigEndian.AppendUint64(nil, uint64(g.Int64N(4e12)-1e12)))
	case n == 9:
		return g.oddly("\x80", "\xca\x7f\xc0\x00\x00", "\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", "\xd4\x05a", "\xc7\x03\x02abc", "\xd6\xff\x65\x92\x00\x80",
			"\xd8\x00"+strings.Repeat("x", 16), "\xc1", "\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", "\x82\xac_placeholder\xc3\xa3num\x00", "\xd5\xff\x01\x02")
	case depth > 3:
		return "\x90"
	case n < 12:
		var members []string
		seen := map[string]bool{}
		for g.chance(60) {
			key := g.oddly(g.one(g.text(), g.text(), "\x07", "\xff", "\xcd\x01\x00"), "\xc0", "\xc3", "\xc4\x01a", "\x91\x01", "\xca\x40\x00\x00\x00", "\xa9__proto__",
				"\xcf\x00\x20\x00\x00\x00\x00\x00\x01")
			name := key
			if s, _, err := msgp.ReadStringZC([]byte(key)); err == nil {
				name = string(s)
			}
			if !seen[name] {
				seen[name] = true
				members = append(members, key+g.value(depth+1))
			}
		}
		return g.header(msgp.AppendMapHeader, 0xde, len(members)) + strings.Join(members, "")
	}
	var items []string
	for g.chance(60) {
		items = append(items, g.value(depth+1))
	}
	return g.header(msgp.AppendArrayHeader, 0xdc, len(items)) + strings.Join(items, "")
}

// binary returns at most as many values as a packet may have.
func (g *generator) binary() string {
	if g.buffers++; g.buffers > 10 && g.odd == 0 {
		return "\xc0"
	}
	return g.one("\xc4\x00", "\xc4\x01a", "\xc4\x03\x00\xff\xc1", "\xc5\x00\x02ab", "\xc6\x00\x00\x00\x01a", "\xc7\x02\x00ab", "\xc7\x08\x0012345678", "\xc8\x00\x01\x00a",
		"\xc4\x28"+strings.Repeat("longer: ", 5))
}

func (g *generator) number() string {
	switch g.IntN(4) {
	case 0: // what notepack.io itself can send: it breaks whole numbers beyond 64 bits
		return string(msgp.AppendFloat64(nil, g.NormFloat64()*math.Pow(10, float64(g.IntN(30)-20))))
	case 1:
		return string(msgp.AppendInt64(nil, int64(g.Uint64())>>g.IntN(64)))
	case 2:
		return string(msgp.AppendUint64(nil, g.Uint64()>>g.IntN(64)))
	}
	return g.one("\x00", "\x7f", "\xff", "\xe0", "\xcc\x00", "\xd0\xff", "\xcd\xff\xff", "\xd1\x80\x00", "\xce\xff\xff\xff\xff", "\xd2\x80\x00\x00\x00",
		"\xcf\xff\xff\xff\xff\xff\xff\xf0\x00", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xca\x3d\xcc\xcc\xcd", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		"\xcb\x00\x00\x00\x00\x00\x00\x00\x01", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")
}

func (g *generator) text() string {
	s := g.one("", "a", "message", "ü", "😀", "\n", "\"", "\\", "\u2028", "\x7f", "\x00", "constructor", "toJSON", g.oddly("placeholder", "_placeholder"), "num", "/,[{",
		strings.Repeat("long ", 10), strings.Repeat("ü", 150))
	if g.chance(30) {
		s += g.one("b", "\t", "ß", "1234567", "12345678")
	}
	if len(s) < 256 && g.chance(10) {
		return "\xd9" + string([]byte{byte(len(s))}) + s
	}
	if g.chance(5) {
		return string(binary.BigEndian.AppendUint16([]byte{0xda}, uint16(len(s)))) + s
	}
	return string(msgp.AppendString(nil, s))
}

// damage changes the message in one place.
func (g *generator) damage(s string) string {
	at := g.IntN(len(s) + 1)
	end := min(len(s), at+1+g.IntN(3))
	switch g.IntN(3) {
	case 0:
		return s[:at] + s[end:]
	case 1:
		return s[:at] + string([]byte{byte(g.IntN(256))}) + s[end:]
	}
	return s[:at] + g.one("\xc0", "\xc1", "\xd4\x00\x00", "\x91", "\x81", "\xa1", "\xff", "\xdf\xff\xff\xff\xff", "\xc4\x01", "\xa1e") + s[at:]
}
