package rfc6455

import (
	"crypto/sha1" //nolint:gosec // the protocol's
	"encoding/base64"
	"strings"
)

// AcceptKey returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key, RFC 6455 §4.2.2.
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // the protocol's
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ValidKey reports whether key is a Sec-WebSocket-Key: 16 bytes in base64, RFC 6455 §4.1.
func ValidKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// IsToken reports whether s is a token of RFC 9110 §5.6.2.
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c-'0' < 10 || c|0x20-'a' < 26 || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// HasToken reports whether the comma-separated lists of a header contain the token,
// without regard to case.
func HasToken(header []string, token string) bool {
	for t := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}

// OnlyToken reports whether the comma-separated lists of a header contain no other token,
// without regard to case; empty elements do not count, RFC 9110 §5.6.1.
func OnlyToken(header []string, token string) bool {
	for t := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if t = strings.TrimSpace(t); t != "" && !strings.EqualFold(t, token) {
			return false
		}
	}
	return true
}

// ChooseSubprotocol returns the first of ours that the client's Sec-WebSocket-Protocol
// offers, in the client's spelling; empty when there is none.
func ChooseSubprotocol(ours, header []string) string {
	for _, our := range ours {
		for theirs := range strings.SplitSeq(strings.Join(header, ","), ",") {
			if theirs = strings.TrimSpace(theirs); strings.EqualFold(our, theirs) {
				return theirs
			}
		}
	}
	return ""
}
