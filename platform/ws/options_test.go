package ws

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/merge"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestOptionsMerge(t *testing.T) {
	a := New(Options{Codec: JSONArray(), MaxFragments: 9, Compression: CompressionStream}, Options{MaxFragments: -1, Subprotocols: []string{"a"}})
	o := merge.Fields(a.opts, Options{MessageTimeout: time.Second, Subprotocols: []string{}, Compression: CompressionOff, BinaryFrames: On})
	if o.Codec != JSONArray() || o.MaxFragments != -1 || len(o.Subprotocols) != 0 || o.MessageTimeout != time.Second ||
		o.Compression != CompressionOff || o.BinaryFrames != On {
		t.Errorf("merged to %+v", o)
	}
	d := New().opts
	if d.Codec != JSON() || d.MaxFragments != 4096 || d.MessageTimeout != time.Minute || d.Compression != CompressionOff || d.BinaryFrames != Off {
		t.Errorf("defaults are %+v", d)
	}
}

type foreignOption struct{ Options }

type incomparable struct {
	Codec
	_ []int
}

func TestNewServerErrors(t *testing.T) {
	one := []adapter.Endpoint{&endpoint{}}
	for _, tt := range []struct {
		name string
		opts Options
		cfg  adapter.ServerConfig
		want string
	}{
		{"two endpoints", Options{}, adapter.ServerConfig{Path: "/a", Endpoints: []adapter.Endpoint{nil, nil}},
			"ws: path /a: plain WebSocket has no namespaces, so a server has one endpoint, not 2: use a websockets.Path for each gateway"},
		{"foreign option", Options{}, adapter.ServerConfig{Path: "/a", Endpoints: one, Options: []adapter.PlatformOption{foreignOption{}}},
			"ws: ws.foreignOption is not an option of this platform: use ws.Options"},
		{"subprotocol", Options{}, adapter.ServerConfig{Endpoints: one, Options: []adapter.PlatformOption{Options{Subprotocols: []string{"a b"}}}},
			`ws: Options.Subprotocols: "a b" is not a token of RFC 9110: use letters, digits, and any of !#$%&'*+-.^_` + "`|~"},
		{"reserved subprotocol", Options{}, adapter.ServerConfig{Endpoints: one, Options: []adapter.PlatformOption{Options{Subprotocols: []string{"Gatehouse.v1"}}}},
			`ws: Options.Subprotocols: "Gatehouse.v1" is reserved, servers offer gatehouse.v1 by themselves: remove it`},
		{"explained refusals", Options{ExplainRefusals: 3}, adapter.ServerConfig{Endpoints: one}, "ws: Options.ExplainRefusals: unknown value 3: use On or Off"},
		{"recovery with another codec", Options{Codec: JSONArray(), Recovery: &Recovery{}}, adapter.ServerConfig{Endpoints: one},
			"ws: Options.Recovery has no effect with the codec ws.arrayCodec: clients of gatehouse.v1 are recovered, which is defined for ws.JSON(): remove one of them"},
		{"recovery with a negative size", Options{Recovery: &Recovery{MaxBytes: -1}}, adapter.ServerConfig{Endpoints: one},
			"ws: Options.Recovery has a negative duration or size: use 0 for the default"},
		{"recovery that no queue holds", Options{Recovery: &Recovery{MaxBytes: 9 << 20}}, adapter.ServerConfig{Endpoints: one, Limits: websockets.Limits{SendQueueMax: 8 << 20}},
			"ws: Options.Recovery.MaxBytes is 9437184 and Limits.SendQueueMax 8388608: a client that has missed so much would be closed when it returns: write at most 8388608, or raise SendQueueMax"},
		{"compression", Options{Compression: 9}, adapter.ServerConfig{Endpoints: one},
			"ws: Options.Compression: unknown value 9: use CompressionOff, CompressionEach or CompressionStream"},
		{"binary frames", Options{BinaryFrames: 3}, adapter.ServerConfig{Endpoints: one}, "ws: Options.BinaryFrames: unknown value 3: use On or Off"},
		{"codec", Options{Codec: incomparable{Codec: JSON()}}, adapter.ServerConfig{Endpoints: one},
			"ws: Options.Codec: values of ws.incomparable cannot be compared: use a pointer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.opts).NewServer(tt.cfg)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestTraits(t *testing.T) {
	a := New()
	want := adapter.Traits{DefaultPath: "/", PathPatterns: true, UpgradeOnly: true, ReplyAsEvent: true}
	if a.Name() != "ws" || a.Traits() != want || (Options{}).PlatformName() != a.Name() {
		t.Errorf("name %q, traits %+v", a.Name(), a.Traits())
	}
}

func TestBinaryFramesAndArrayCodec(t *testing.T) {
	r := newTestServer(t, nil, func(c *adapter.ServerConfig) {
		c.Options = []adapter.PlatformOption{Options{Codec: JSONArray()}}
	}, Options{BinaryFrames: On})
	p, _ := r.connect()
	p.frame(0x80|opBinary, `["e",[1],7]`)
	op, payload, err := p.next()
	if op != opBinary || payload != `[null,[1],7]` || err != nil {
		t.Errorf("got %x %s %v", op, payload, err)
	}
}

// A gateway turns off what the defaults of the adapter have turned on.
func TestBinaryFramesOff(t *testing.T) {
	r := newTestServer(t, nil, func(c *adapter.ServerConfig) {
		c.Options = []adapter.PlatformOption{Options{BinaryFrames: Off}}
	}, Options{BinaryFrames: On})
	p, _ := r.connect()
	p.text(`{"event":"e","data":1,"id":7}`)
	if op, payload, err := p.next(); op != opText || err != nil {
		t.Errorf("got %x %s %v", op, payload, err)
	}
}

func TestCompression(t *testing.T) {
	for _, mode := range []Compression{CompressionEach, CompressionStream} {
		r := newTestServer(t, nil, nil, Options{Compression: mode})
		p := r.dial()
		resp := p.request(upgradeHead + "Sec-WebSocket-Extensions: permessage-deflate\r\n")
		if !strings.HasPrefix(resp.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") || resp.Status != http.StatusSwitchingProtocols {
			t.Fatalf("headers %v", resp.Header)
		}
		p.text(`{"event":"e","data":"` + strings.Repeat("a", 3000) + `"}`) // need not be compressed
		b, err := p.R.ReadByte()
		if err != nil || b != 0x80|0x40|opText {
			t.Errorf("first byte of the answer %x, %v", b, err)
		}
		if n, _ := p.R.ReadByte(); n >= 126 {
			t.Errorf("the answer has length %d", n)
		}
	}
}
