package typescript

import (
	"fmt"
	"slices"
	"strings"
)

// serviceNames returns the names of the interfaces of endpoints: that of the address, /orgs/{org} is OrgsOrg. Where it is equal for
// several, all of these have their platform behind it, and then the name of the channel.
func serviceNames(endpoints []*endpoint, taken *[]string) []string {
	forms := []func(*endpoint) string{
		func(e *endpoint) string { return pascal(e.address) },
		func(e *endpoint) string {
			return pascal(e.address) + map[string]string{"ws": "WebSocket", "socketio": "SocketIO"}[e.platform]
		},
		func(e *endpoint) string { return pascal(e.channel) },
	}
	level := make([]int, len(endpoints))
	for changed := true; changed; {
		changed = false
		owners := map[string][]int{}
		for i, e := range endpoints {
			name := forms[level[i]](e)
			owners[name] = append(owners[name], i)
		}
		for name, all := range owners {
			if len(all) < 2 && !slices.Contains(*taken, name) {
				continue
			}
			for _, i := range all {
				if level[i] < len(forms)-1 {
					level[i]++
					changed = true
				}
			}
		}
	}
	names := make([]string, len(endpoints))
	for i, e := range endpoints {
		names[i] = unique(forms[level[i]](e), taken)
	}
	return names
}

// unique returns a name that is not taken, and takes it.
func unique(name string, taken *[]string) string {
	for n, first := 2, name; slices.Contains(*taken, name); n++ {
		name = fmt.Sprintf("%s%d", first, n)
	}
	*taken = append(*taken, name)
	return name
}

// pascal returns a text as the name of a type: /ws/chat is WsChat, / is Root.
func pascal(s string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return !isWord(r) }) {
		b.WriteString(capital(word))
	}
	if b.Len() == 0 {
		return "Root"
	}
	return identifier(b.String())
}

func isWord(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// identifier returns a text as a name of TypeScript.
func identifier(s string) string {
	s = strings.Map(func(r rune) rune {
		if isWord(r) {
			return r
		}
		return '_'
	}, s)
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		return "_" + s
	}
	return s
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// lower returns the name of the constant of an interface. A reserved word has an underscore behind it.
func lower(name string) string {
	s := strings.ToLower(name[:1]) + name[1:]
	if slices.Contains(reserved, s) {
		return s + "_"
	}
	return s
}

// reserved are the words that no constant may have as its name.
var reserved = strings.Fields(`arguments await break case catch class const continue debugger default delete do else enum eval export
	extends false finally for function if implements import in instanceof interface let new null package private protected public
	return static super switch this throw true try typeof undefined var void while with yield`)
