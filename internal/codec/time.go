package codec

import "time"

// time reads a time in RFC 3339.
func (r *reader) time(t *time.Time) bool {
	if r.next() != '"' {
		return r.word("null")
	}
	raw, escaped, ok := r.literal()
	if !ok {
		return false
	}
	raw = plain(raw, escaped)
	return isTime(raw) && t.UnmarshalText(raw) == nil
}

// isTime reports whether a time has none of the forms that package time accepts beside RFC 3339: an hour of one digit, a
// comma, and a zone of a day or more.
func isTime(b []byte) bool {
	const date, seconds, zone = len("2006-01-02T"), len("2006-01-02T15:04:05"), len("+00:00")
	if len(b) <= seconds || b[date+1] == ':' || b[seconds] == ',' {
		return false
	}
	if z := b[len(b)-zone:]; z[0] == '+' || z[0] == '-' {
		return number2(z[1:]) < 24 && number2(z[4:]) < 60
	}
	return b[len(b)-1] == 'Z'
}

// number2 returns a number of two digits; if they are none, package time finds that.
func number2(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }
