package keep

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

type values struct{ store pipeline.Values }

func (v *values) Values() *pipeline.Values { return &v.store }

type keptValues struct{ values }

func (*keptValues) KeepWithRequest() {}

type ctxKey struct{}

// request returns a request with everything that a connection must not keep.
func request(ctx context.Context, header http.Header) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://example.com/rooms/7?token=x", strings.NewReader("body"))
	r.Header = header
	r.RemoteAddr = "192.0.2.1:5000"
	r.TLS = &tls.ConnectionState{}
	r.SetPathValue("room", "7")
	r.Pattern = "/rooms/{room}"
	_ = r.ParseForm()
	return r
}

// trimmed returns what a slot keeps of a request.
func trimmed(r *http.Request, limit int) (kept *http.Request, dropped []string) {
	var s Slot
	s.Set(r)
	dropped = s.Trim(limit)
	return s.Load(), dropped
}

func TestTrim(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "server"))
	h := &keptValues{}
	ctx = pipeline.WithHolder(remote.With(ctx, remote.Client{Addr: netip.MustParseAddr("198.51.100.7")}), h)
	r := Detach(request(ctx, http.Header{"Cookie": {"a=b"}, "X-Two": {"1", "2"}}))
	cancel()
	kept, dropped := trimmed(r, 0)
	if len(dropped) > 0 {
		t.Errorf("dropped: %v", dropped)
	}
	if kept.Method != http.MethodGet || kept.URL.String() != "http://example.com/rooms/7?token=x" || kept.Host != "example.com" ||
		kept.PathValue("room") != "7" || kept.Pattern != r.Pattern || kept.RemoteAddr != r.RemoteAddr || kept.Proto != r.Proto {
		t.Errorf("%+v", kept)
	}
	if c, err := kept.Cookie("a"); err != nil || c.Value != "b" || !slices.Equal(kept.Header["X-Two"], []string{"1", "2"}) {
		t.Errorf("headers: %v", kept.Header)
	}
	if got := remote.Of(kept).Addr; got != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("client address: %v", got)
	}
	if kept.TLS != nil || kept.Form != nil || kept.PostForm != nil || kept.ContentLength != 0 || kept.Body != http.NoBody {
		t.Errorf("kept too much: %+v", kept)
	}
	if kept.Context().Value(ctxKey{}) != nil || kept.Context().Done() != nil || kept.Context().Err() != nil {
		t.Error("the server's context is kept")
	}
	if pipeline.HolderFrom(kept.Context()) != pipeline.Holder(h) {
		t.Error("the holder is not kept")
	}
	if again, _ := trimmed(kept, 0); again != kept {
		t.Error("a kept request was copied again")
	}
	runtime.KeepAlive(kept)
	if r.TLS == nil || r.Form == nil || len(r.Header) != 2 {
		t.Error("the original request was changed")
	}
	if none, _ := Request(nil, 0); none != nil {
		t.Error("nil did not return nil")
	}
}

func TestOtherHoldersAreNotKept(t *testing.T) {
	kept, _ := trimmed(request(pipeline.WithHolder(t.Context(), &values{}), http.Header{}), 0)
	if pipeline.HolderFrom(kept.Context()) != nil {
		t.Error("a holder without KeepWithRequest is kept")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	many := http.Header{}
	for i := range 3000 {
		many["X-"+strings.Repeat("y", i%7)+string(rune('a'+i%26))+strings.Repeat("z", i/182)] = []string{"v"}
	}
	for name, tt := range map[string]struct {
		header        http.Header
		kept, dropped []string
	}{
		"by name, as a whole": {
			http.Header{"A": {strings.Repeat("a", 6000)}, "B": {strings.Repeat("b", 12_000)}, "C": {strings.Repeat("c", 6000)}},
			[]string{"A", "C"}, []string{"B"},
		},
		"handshake headers first": {
			http.Header{"Accept": {strings.Repeat("a", 16_000)}, "Sec-Websocket-Key": {"k"}, "Upgrade": {"websocket"}, "Origin": {strings.Repeat("o", 1000)}},
			[]string{"Origin", "Sec-Websocket-Key", "Upgrade"}, []string{"Accept"},
		},
		"largest that fits": {http.Header{"A": {strings.Repeat("a", DefaultHeaders-nameCost-valueCost-1)}}, []string{"A"}, nil},
		"too large":         {http.Header{"A": {strings.Repeat("a", DefaultHeaders-nameCost-valueCost)}}, nil, []string{"A"}},
		"many empty values": {http.Header{"A": make([]string, 60_000), "B": {"b"}}, []string{"B"}, []string{"A"}},
	} {
		t.Run(name, func(t *testing.T) {
			kept, dropped := trimmed(request(t.Context(), tt.header), 0)
			for _, n := range tt.kept {
				if !slices.Equal(kept.Header[n], tt.header[n]) {
					t.Errorf("%s is kept as %.20q", n, kept.Header[n])
				}
			}
			if len(kept.Header) != len(tt.kept) || !slices.Equal(dropped, tt.dropped) {
				t.Errorf("%d headers kept, dropped %v", len(kept.Header), dropped)
			}
		})
	}
	kept, dropped := trimmed(request(t.Context(), many), 0)
	if n := len(kept.Header); n > DefaultHeaders/nameCost || n+len(dropped) != len(many) {
		t.Errorf("%d names kept, %d dropped", n, len(dropped))
	}
}

// The requests of the namespaces of one handshake differ only in their path values.
func TestNamespacesShareHeaders(t *testing.T) {
	r := Detach(request(t.Context(), http.Header{"A": {"a"}}))
	one, two := Copy(r), Copy(r)
	one.SetPathValue("org", "1")
	two.SetPathValue("org", "2")
	two.SetPathValue("room", "8")
	a, _ := trimmed(one, 0)
	b, _ := trimmed(two, 0)
	c, _ := trimmed(r, 0)
	if a.PathValue("org") != "1" || b.PathValue("org") != "2" || c.PathValue("org") != "" || a.PathValue("room") != "7" || b.PathValue("room") != "8" {
		t.Error("wrong path values")
	}
	of := func(r *http.Request) *compact { return r.Context().Value(keptKey{}).(*compact) }
	if of(a).header != of(b).header || of(b).header != of(c).header || a.Header.Get("A") != "a" {
		t.Error("namespaces do not share headers")
	}
}
