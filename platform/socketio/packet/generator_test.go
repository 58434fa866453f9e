package packet

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes packets, and damages some of them.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

// messages is one packet with its attachments, sometimes too many or too few.
func (g generator) messages() []message {
	text, attachments := g.packet()
	for g.chance(25) {
		text = g.damage(text)
	}
	list := []message{{data: strings.ToValidUTF8(text, "?")}}
	if g.chance(4) {
		attachments += g.IntN(3) - 1
	}
	for range attachments {
		list = append(list, message{g.one("", "x", "\x00\xff", "longer bytes"), true})
	}
	if g.chance(4) {
		next, _ := g.packet()
		list = append(list, message{data: next})
	}
	return list
}

func (g generator) packet() (text string, attachments int) {
	var b strings.Builder
	typ := g.one("0", "1", "2", "2", "2", "2", "2", "3", "3", "5", "5", "5", "6", "6", "4", g.one("7", "9", "x", " ", "", "-"))
	b.WriteString(typ)
	if typ == "5" || typ == "6" {
		attachments = 1 + g.IntN(3)
		if g.chance(5) {
			attachments = g.IntN(13)
		}
		if g.chance(95) {
			b.WriteString(strconv.Itoa(attachments) + "-")
		} else {
			b.WriteString(g.one("", "-", "0-", "01-", "+1-", " 1-", "1.0-", "1e0-", "1 -", "1x-", "--1-", "0x2-", "99999999999999999999-", "Infinity-", "\u00a01-"))
		}
	}
	b.WriteString(g.one("", "", "", "/,", "/chat,", "/a/b,", "/ü😀,", "/c?x=1,", "//,", "/chat", "/\x00,", "/["+",", ","))
	switch {
	case typ == "3" || typ == "6" || typ == "2" && g.chance(40) || g.chance(5):
		b.WriteString(g.one("0", "1", "12", "007", "9007199254740991", "99", strconv.Itoa(g.IntN(1e6)),
			g.one("9007199254740992", "18446744073709551616", "1.5", "-1", "1e3", " ", "", "1 ", "\u00a0", "\u2028", "+1", "0x1")))
	}
	switch typ {
	case "0", "4":
		b.WriteString(g.one("", "{}", g.object(0), g.object(1), g.value(0)))
	case "1":
		b.WriteString(g.one("", "", "", g.value(0)))
	default:
		b.WriteString(g.arguments(typ == "2" || typ == "5", attachments))
	}
	return b.String(), attachments
}

func (g generator) arguments(event bool, attachments int) string {
	if g.chance(3) {
		return g.one("", "[]", "{}", "null", g.value(0))
	}
	var args []string
	for i := range attachments {
		args = append(args, g.placeholder(i))
	}
	for g.chance(55) {
		args = append(args, g.value(0))
	}
	g.Shuffle(len(args), func(i, j int) { args[i], args[j] = args[j], args[i] })
	if event {
		name := g.text()
		if g.chance(10) {
			name = g.one(`"connect"`, `"dis\u0063onnect"`, `"newListener"`, `"connect "`, g.number(), g.value(0), `"\ud800"`, `"toString"`)
		}
		args = append([]string{name}, args...)
	}
	return g.space() + "[" + g.list(args) + "]" + g.space()
}

func (g generator) placeholder(i int) string {
	num := strconv.Itoa(i)
	if g.chance(4) {
		num = g.one("0", "-1", "-0", "0.5", "1e0", `"0"`, "null", "11", "99999999999999999999", num+".0")
	}
	members := []string{`"_placeholder":true`, `"num":` + num}
	if g.chance(4) {
		members = append(members, g.one(`"_placeholder":false`, `"num":0`, `"\u005fplaceholder":true`, `"x":{}`, `"_placeholder":1`, `"n\u0075m":`+num))
	}
	p := "{" + g.list(members) + "}"
	switch g.IntN(6) {
	case 0:
		return "[" + p + "]"
	case 1:
		return `{"a":[` + g.value(2) + "," + p + `]}`
	case 2:
		return `{"__proto__":` + p + `}`
	}
	return p
}

func (g generator) list(of []string) string {
	for i := range of {
		of[i] = g.space() + of[i] + g.space()
	}
	return strings.Join(of, ",")
}

// space is seldom there.
func (g generator) space() string {
	if g.chance(97) {
		return ""
	}
	return g.one(" ", "\n", "\t\r", "  ", g.one("\v", "\u00a0", "\ufeff", "\x00", "\u2028"))
}

func (g generator) value(depth int) string {
	switch n := g.IntN(9); {
	case n < 3:
		return g.text()
	case n < 5:
		return g.number()
	case n == 5:
		return g.one("true", "false", "null")
	case depth > 3:
		return "[]"
	case n == 6:
		return g.object(depth)
	}
	var items []string
	for g.chance(60) {
		items = append(items, g.value(depth+1))
	}
	return "[" + g.list(items) + "]"
}

func (g generator) object(depth int) string {
	var members []string
	for g.chance(60) {
		members = append(members, g.text()+g.space()+":"+g.space()+g.value(depth+1))
	}
	return "{" + g.list(members) + "}"
}

func (g generator) number() string {
	return g.one("0", "1", "-1", "42", "1.5", "-0", "1e3", "1E+2", "-1.25e-7", "9007199254740993", "1e21", "1e-7", "123456789012345680000", "1e999", "-1e999",
		"0.1", strconv.Itoa(g.IntN(1e9)), strconv.FormatFloat(g.NormFloat64()*1e5, 'g', -1, 64), g.one("01", "1.", ".5", "+1", "NaN", "0x1", "1e", "-"))
}

func (g generator) text() string {
	s := g.one("", "a", "message", "a longer text, of several words", "ü", "😀", `\n`, `\"`, `\\`, `\u00e9`, `\ud83d\ude00`, `\ud800`, "\u2028", "\x7f",
		"__proto__", "constructor", "toJSON", "_placeholder", "num", "/,", "[", "}", g.one("\x00", "\n", `\x`, `\u12`, `\`))
	if g.chance(30) {
		s += g.one("b", `\t`, "ß", "1234567", "12345678")
	}
	return `"` + s + `"`
}

// damage changes the text in one place.
func (g generator) damage(s string) string {
	at := g.IntN(len(s) + 1)
	end := min(len(s), at+g.IntN(4))
	switch g.IntN(4) {
	case 0:
		return s[:at] + s[end:]
	case 1:
		return s[:at] + s[at:end] + s[at:]
	case 2:
		return s[:at] + string(rune(g.IntN(128))) + s[end:]
	}
	return s[:at] + g.one(`"`, `\`, "[", "]", "{", "}", ",", ":", "-", "/", "0", "9", " ", "null", "1e5", `\u`, "\u00a0", "é") + s[at:]
}
