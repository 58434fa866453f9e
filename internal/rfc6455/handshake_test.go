package rfc6455

import "testing"

// The example of RFC 6455 §1.3.
func TestAcceptKey(t *testing.T) {
	if got := AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestValidKey(t *testing.T) {
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==": true, "": false, "dGhl": false, "dGhlIHNhbXBsZSBub25jZQ": false, "!GhlIHNhbXBsZSBub25jZQ==": false,
	} {
		if ValidKey(key) != want {
			t.Errorf("ValidKey(%q) is %v", key, !want)
		}
	}
}

func TestHasToken(t *testing.T) {
	if HasToken([]string{"a, b"}, "c") || !HasToken([]string{"x", "a , UPGRADE "}, "upgrade") {
		t.Error("HasToken is wrong")
	}
}

func TestOnlyToken(t *testing.T) {
	for _, tt := range []struct {
		header []string
		only   bool
	}{
		{nil, true},
		{[]string{"", ", Identity ,"}, true},
		{[]string{"identity", "IDENTITY, identity"}, true},
		{[]string{"identity, gzip"}, false},
		{[]string{"identity", "gzip"}, false},
		{[]string{"identity gzip"}, false},
	} {
		if OnlyToken(tt.header, "identity") != tt.only {
			t.Errorf("OnlyToken(%q) is %v", tt.header, !tt.only)
		}
	}
}

func TestIsToken(t *testing.T) {
	for s, want := range map[string]bool{"": false, "v1.x_y-z+": true, "a,b": false, "é": false, "@": false, "[": false, "`": true} {
		if IsToken(s) != want {
			t.Errorf("IsToken(%q) is %v", s, !want)
		}
	}
}

func TestChooseSubprotocol(t *testing.T) {
	for _, tt := range []struct {
		ours, header []string
		want         string
	}{
		{nil, []string{"a"}, ""},
		{[]string{"v2", "v1"}, nil, ""},
		{[]string{"v2", "v1"}, []string{"v1, V2"}, "V2"},
		{[]string{"v2", "v1"}, []string{"x", " v1 "}, "v1"},
		{[]string{"v2"}, []string{"v1,x"}, ""},
	} {
		if got := ChooseSubprotocol(tt.ours, tt.header); got != tt.want {
			t.Errorf("%q of %q: got %q, want %q", tt.ours, tt.header, got, tt.want)
		}
	}
}
