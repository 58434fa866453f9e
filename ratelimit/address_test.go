package ratelimit

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestAddressOfClient(t *testing.T) {
	for _, tt := range []struct {
		name      string
		opts      []Option
		remote    string
		forwarded []string
		want      string // an address, or a string after =
	}{
		{name: "IPv4", remote: "192.0.2.1:5000", want: "192.0.2.1"},
		{name: "IPv4 without a port", remote: "192.0.2.1", want: "192.0.2.1"},
		{name: "IPv4 mapped into IPv6", remote: "[::ffff:192.0.2.1]:5000", want: "192.0.2.1"},
		{name: "IPv6 by its network", remote: "[2001:db8:1:2:3:4:5:6]:5000", want: "2001:db8:1:2::"},
		{name: "IPv6 without a port", remote: "2001:db8:1:2::9", want: "2001:db8:1:2::"},
		{name: "IPv6 in brackets", remote: "[2001:db8:1:2::9]", want: "2001:db8:1:2::"},
		{name: "IPv6 with a zone", remote: "[fe80::1%eth0]:5000", want: "fe80::"},
		{name: "a Unix socket", remote: "@", want: "=@"},
		{name: "nothing", remote: "", want: "="},

		{name: "the header is ignored", remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "10.0.0.1"},

		{
			name: "own function", remote: "10.0.0.1:1", want: "192.0.2.7",
			opts: []Option{Address(func(*http.Request) string { return "192.0.2.7:99" })},
		},
		{
			name: "own text", remote: "10.0.0.1:1", want: "=tenant 7",
			opts: []Option{Address(func(*http.Request) string { return "tenant 7" })},
		},
		{name: "nil options", opts: []Option{nil, Address(nil)}, remote: "192.0.2.1:1", want: "192.0.2.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}}
			for _, line := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			want := key{text: strings.TrimPrefix(tt.want, "=")}
			if !strings.HasPrefix(tt.want, "=") {
				want = key{addr: netip.MustParseAddr(tt.want)}
			}
			if got := newConfig(tt.opts).addressOf(r); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNoRequestIsOneKey(t *testing.T) {
	if got := newConfig(nil).addressOf(nil); got != (key{}) {
		t.Errorf("got %v", got)
	}
}

func TestTextsAreKeptShort(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	a, b := textKey(long+"a"), textKey(long+"b")
	if a == b {
		t.Error("different texts have one key")
	}
	if len(a.text) != 32 {
		t.Errorf("a long text is kept with %d bytes", len(a.text))
	}
	if forged := textKey(a.text); forged == a {
		t.Error("the hash of a text, sent as a text, has the same key")
	}
	if got := textKey("lobby"); got.text != "lobby" {
		t.Errorf("got %q", got.text)
	}
}
