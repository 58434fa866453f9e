package remote

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func proxies(t testing.TB, texts ...string) *Proxies {
	t.Helper()
	p, errs := NewProxies(texts)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

func TestResolve(t *testing.T) {
	behind := proxies(t, "10.0.0.0/8", "fd00::/8")
	none := proxies(t)
	for _, tt := range []struct {
		name      string
		p         *Proxies
		remote    string
		forwarded []string
		want      string // empty: none
		guessed   bool
	}{
		{name: "IPv4", remote: "192.0.2.1:5000", want: "192.0.2.1"},
		{name: "IPv4 without a port", remote: "192.0.2.1", want: "192.0.2.1"},
		{name: "IPv4 mapped into IPv6", remote: "[::ffff:192.0.2.1]:5000", want: "192.0.2.1"},
		{name: "IPv6", remote: "[2001:db8:1:2:3:4:5:6]:5000", want: "2001:db8:1:2:3:4:5:6"},
		{name: "IPv6 without a port", remote: "2001:db8:1:2::9", want: "2001:db8:1:2::9"},
		{name: "IPv6 in brackets", remote: "[2001:db8:1:2::9]", want: "2001:db8:1:2::9"},
		{name: "IPv6 with a zone", remote: "[fe80::1%eth0]:5000", want: "fe80::1", guessed: true},
		{name: "not an address", remote: "example.com:80"},

		{name: "the header is ignored", remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "10.0.0.1", guessed: true},
		{name: "from a proxy", p: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "not from a proxy", p: behind, remote: "192.0.2.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.1"},
		{name: "forged by the client", p: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "forged proxy address", p: behind, remote: "10.0.0.1:1", forwarded: []string{"10.0.0.7, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "two proxies", p: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9,10.0.0.2"}, want: "192.0.2.9"},
		{name: "two lines", p: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "192.0.2.9, 10.0.0.2"}, want: "192.0.2.9"},
		{name: "forged header line", p: behind, remote: "10.0.0.1:1", forwarded: []string{"198.51.100.1", "192.0.2.9"}, want: "192.0.2.9"},
		{name: "a line of proxies", p: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9", "10.0.0.3,10.0.0.2"}, want: "192.0.2.9"},
		{name: "with ports", p: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9:77, 10.0.0.2:80"}, want: "192.0.2.9"},
		{name: "IPv6 behind proxies", p: behind, remote: "[fd00::1]:1", forwarded: []string{"2001:db8:1:2::9, [fd00::2]:80"}, want: "2001:db8:1:2::9"},
		{name: "mapped proxy", p: behind, remote: "[::ffff:10.0.0.1]:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "mapped client", p: behind, remote: "10.0.0.1:1", forwarded: []string{"::ffff:192.0.2.9"}, want: "192.0.2.9"},
		{name: "mapped prefix", p: proxies(t, "::ffff:10.0.0.0/104"), remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "one address", p: proxies(t, "10.0.0.1"), remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "another address", p: proxies(t, "10.0.0.1"), remote: "10.0.0.2:1", forwarded: []string{"192.0.2.9"}, want: "10.0.0.2"},
		{name: "only proxies", p: behind, remote: "10.0.0.1:1", forwarded: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		{name: "no header", p: behind, remote: "10.0.0.1:1", want: "10.0.0.1"},
		{name: "an empty header", p: behind, remote: "10.0.0.1:1", forwarded: []string{""}, want: "10.0.0.1"},
		{name: "no address in it", p: behind, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9, unknown, 10.0.0.2"}, want: "10.0.0.2"},

		{name: "Unix socket", remote: "@"},
		{name: "Unix socket without a name", remote: ""},
		{name: "behind a Unix socket", remote: "@", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "behind a named Unix socket", remote: "/run/proxy.sock", forwarded: []string{"192.0.2.9"}, want: "192.0.2.9"},
		{name: "in a private network behind a Unix socket", remote: "", forwarded: []string{"10.1.2.3"}, want: "10.1.2.3"},
		{name: "forged behind a Unix socket", remote: "@", forwarded: []string{"198.51.100.1, 192.0.2.9"}, want: "192.0.2.9"},
		{name: "two proxies behind a Unix socket", p: behind, remote: "@", forwarded: []string{"192.0.2.9, 10.0.0.2"}, want: "192.0.2.9"},

		{name: "loopback", remote: "127.0.0.5:1", want: "127.0.0.5", guessed: true},
		{name: "IPv6 loopback", remote: "[::1]:1", want: "::1", guessed: true},
		{name: "unique local", remote: "[fd12::1]:1", want: "fd12::1", guessed: true},
		{name: "carrier-grade NAT", remote: "100.64.1.1:1", want: "100.64.1.1", guessed: true},
		{name: "beside carrier-grade NAT", remote: "100.128.0.1:1", want: "100.128.0.1"},
		{name: "IPv4 link-local", remote: "169.254.1.1:1", want: "169.254.1.1", guessed: true},
		{name: "private, no trusted proxies", p: none, remote: "10.0.0.1:1", forwarded: []string{"192.0.2.9"}, want: "10.0.0.1"},
		{name: "private, other trusted proxies", p: behind, remote: "192.168.0.1:1", want: "192.168.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.remote, Header: http.Header{}}
			for _, line := range tt.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			var want Client
			if tt.want != "" {
				want = Client{Addr: netip.MustParseAddr(tt.want), Guessed: tt.guessed}
			}
			if got := tt.p.Resolve(r); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNewProxiesErrors(t *testing.T) {
	const neither = `is neither an address nor a prefix: use the form "10.0.0.0/8" or "192.0.2.7"`
	for text, want := range map[string]string{
		"":                neither,
		"localhost":       neither,
		"10.0.0.0/33":     neither,
		"10.0.0.1:80":     neither,
		"invalid Prefix":  neither,
		"fe80::1%eth0":    `"fe80::1%eth0" has a zone: zones are not compared: remove it`,
		"::ffff:0:0/90":   `"::ffff:0:0/90" matches no address: IPv4-mapped addresses are compared as IPv4: use an IPv4 prefix`,
		" 10.0.0.0/8":     neither,
		"10.0.0.0-10.9.9": neither,
	} {
		_, errs := NewProxies([]string{"192.0.2.1", text})
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%q: %v, want %q", text, errs, want)
		}
	}
}

func TestHandlerComputesOnce(t *testing.T) {
	var got Client
	h := proxies(t, "10.0.0.0/8").Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "198.51.100.1:1" // middleware may do this
		r.Header.Set("X-Forwarded-For", "198.51.100.2")
		got = Of(r)
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "192.0.2.9")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got.Addr != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("got %v", got)
	}
}

func TestOf(t *testing.T) {
	if got := Of(nil); got != (Client{}) {
		t.Errorf("without a request: %v", got)
	}
	if got := Text(&http.Request{RemoteAddr: "@"}); got != "@" {
		t.Errorf("got %q", got)
	}
	c := Client{Addr: netip.MustParseAddr("192.0.2.9")}
	r := (&http.Request{RemoteAddr: "10.0.0.1:1"}).WithContext(With(context.WithValue(t.Context(), testKey{}, 7), c))
	if Of(r) != c || Text(r) != "192.0.2.9" || r.Context().Value(testKey{}) != 7 {
		t.Errorf("got %v %q", Of(r), Text(r))
	}
}

type testKey struct{}

func TestGroup(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::",
		"64:ff9b::192.0.2.1": "64:ff9b::192.0.2.1", "64:ff9b:1::192.0.2.1": "64:ff9b:1::", // an IPv4 client behind NAT64
	} {
		if got := Group(netip.MustParseAddr(in)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %s", in, got)
		}
	}
	if Group(netip.Addr{}).IsValid() {
		t.Error("Group of the zero Addr is valid")
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("10.0.0.1:1", "192.0.2.9, 10.0.0.2")
	f.Add("[fd00::1]:1", "[::1, ,:,%,]:0")
	f.Add("@", ",,1.2.3.4")
	p := proxies(f, "10.0.0.0/8", "fd00::/8")
	f.Fuzz(func(t *testing.T, remote, header string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {header}}}
		got := p.Resolve(r)
		direct := p.Resolve(&http.Request{RemoteAddr: remote})
		if peer, ok := Parse(remote); !unixSocket(remote) && (!ok || !p.trusts(peer)) && got != direct {
			t.Errorf("%q is not a proxy, but %q is trusted: %v", remote, header, got)
		}
		if got.Addr.Zone() != "" || got.Addr.Is4In6() {
			t.Errorf("%v", got)
		}
	})
}
