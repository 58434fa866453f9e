package envelope

// traceSize is the length of a W3C traceparent, https://www.w3.org/TR/trace-context/#traceparent-header:
// version, trace id, parent id and flags.
const traceSize = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")

// ValidTraceparent reports whether s has the form of a W3C traceparent of 55 characters. Others are not
// sent, and are left out by the receiver.
func ValidTraceparent(s string) bool {
	if len(s) != traceSize || s[:2] == "ff" {
		return false
	}
	for i := range len(s) {
		switch dash := i == 2 || i == 35 || i == 52; {
		case dash && s[i] == '-', !dash && ('0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'):
		default:
			return false
		}
	}
	return !zeros(s[3:35]) && !zeros(s[36:52])
}

func zeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}

// traceOf returns the traceparent of a field.
func traceOf(b []byte) string {
	if s := string(b); ValidTraceparent(s) {
		return s
	}
	return ""
}
