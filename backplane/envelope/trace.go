package envelope

import "github.com/gatehouse-go/gatehouse/internal/tracecontext"

// ValidTraceparent reports whether s has the form of a W3C traceparent of 55 characters. Others are not
// sent, and are left out by the receiver.
func ValidTraceparent(s string) bool { return tracecontext.Valid(s) }

// traceOf returns the traceparent of a field.
func traceOf(b []byte) string {
	if tracecontext.Valid(b) {
		return string(b)
	}
	return ""
}
