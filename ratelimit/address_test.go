package ratelimit

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func TestAddressOfClient(t *testing.T) {
	behind := []Option{TrustedProxies(prefixes("10.0.0.0/8", "fd00::/8")...)}
	for _, tt := range []struct {
		name      string
		opts      []Option
		remote    string
		forwarded []string
		want      string // an address, or a text behind =
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
		{name: "from a proxy", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "not from a proxy", opts: behind, remote: "192.0.2.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.1"},
		{name: "the client wrote into it", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "the client pretends to be a proxy", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"10.0.0.7, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "two proxies", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9,10.0.0.2"}, want: "192.0.2.9"},
		{name: "two lines", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "192.0.2.9, 10.0.0.2"}, want: "192.0.2.9"},
		{name: "the client's line before", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "192.0.2.9"}, want: "192.0.2.9"},
		{name: "a line of proxies", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9", "10.0.0.3,10.0.0.2"}, want: "192.0.2.9"},
		{name: "with ports", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9:77, 10.0.0.2:80"}, want: "192.0.2.9"},
		{name: "IPv6 behind proxies", opts: behind, remote: "[fd00::1]:1", forwarded: []string{"2001:db8:1:2::9, [fd00::2]:80"}, want: "2001:db8:1:2::"},
		{name: "mapped proxy", opts: behind, remote: "[::ffff:10.0.0.1]:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "mapped prefix", opts: []Option{TrustedProxies(prefixes("::ffff:10.0.0.0/104")...)}, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "only proxies", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		{name: "no header", opts: behind, remote: "10.0.0.1:1", want: "10.0.0.1"},
		{name: "an empty header", opts: behind, remote: "10.0.0.1:1", forwarded: []string{""}, want: "10.0.0.1"},
		{name: "no address in it", opts: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9, unknown, 10.0.0.2"}, want: "10.0.0.2"},
		{name: "a proxy on a Unix socket is none that is named", opts: behind, remote: "@", forwarded: []string{"192.0.2.9"}, want: "=@"},

		{
			name: "own function", remote: "10.0.0.1:1", want: "192.0.2.7",
			opts: []Option{Address(func(*http.Request) string { return "192.0.2.7:99" })},
		},
		{
			name: "own text", remote: "10.0.0.1:1", want: "=tenant 7",
			opts: []Option{Address(func(*http.Request) string { return "tenant 7" })},
		},
		{
			name: "own function takes the place of proxies", remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.7",
			opts: append(behind, Address(func(*http.Request) string { return "192.0.2.7" })),
		},
		{
			name: "proxies take the place of an own function before", remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9",
			opts: append([]Option{Address(func(*http.Request) string { return "192.0.2.7" })}, behind...),
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
			if got := newConfig(tt.opts).client(r); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNoRequestIsOneKey(t *testing.T) {
	if got := newConfig(nil).client(nil); got != (key{}) {
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

func FuzzForwarded(f *testing.F) {
	f.Add("10.0.0.1:1", "192.0.2.9, 10.0.0.2")
	f.Add("[fd00::1]:1", "[::1, ,:,%,]:0")
	c := newConfig([]Option{TrustedProxies(prefixes("10.0.0.0/8", "fd00::/8")...)})
	f.Fuzz(func(t *testing.T, remote, header string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {header}}}
		got := c.client(r)
		direct := newConfig(nil).client(r)
		if peer, ok := parseAddress(remote); (!ok || !c.trusts(peer)) && got != direct {
			t.Errorf("%q is no proxy, but %q is believed: %v", remote, header, got)
		}
		if len(got.text) > 32 {
			t.Errorf("a key of %d bytes", len(got.text))
		}
	})
}
