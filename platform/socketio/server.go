package socketio

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/engineio"
	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// server serves one path.
type server struct {
	cfg         adapter.ServerConfig
	opts        Options
	path        string // without the trailing slash
	limits      packet.Limits
	engine      *engineio.Server
	recovery    *resume.Store // nil without recovery
	root        *frameBuilder // of the namespace "/"
	noNamespace oldest.List[*connection]
	decoders    sync.Pool        // of packet.Decoder, between two packets
	unknown     logsample.Minute // CONNECT packets for unknown namespaces
}

func newServer(cfg adapter.ServerConfig, opts Options) *server {
	s := &server{
		cfg:    cfg,
		opts:   opts,
		path:   trimSlash(cfg.Path),
		limits: packet.Limits{Attachments: opts.MaxAttachments},
	}
	s.root = s.frameBuilderOf("/")
	if opts.Recovery != nil {
		s.recovery = resume.New(*opts.Recovery, cfg.Handover)
		if cfg.Handover != nil && opts.Recovery.SameClient != nil {
			cfg.Logger.Info("clients are recovered on their own node only: Recovery.SameClient needs the client and its new handshake in one process")
		}
	}
	s.engine = engineio.New(engineio.Config{
		Config: wsconn.Config{
			Limits:         cfg.Limits,
			MaxFragments:   opts.MaxFragments,
			MessageTimeout: opts.MessageTimeout,
			Compression:    wsconn.Compression(opts.Compression),
			Logger:         cfg.Logger,
		},
		Path:            cfg.Path,
		Polling:         opts.offers(Polling),
		WebSocket:       opts.offers(WebSocket),
		Upgrades:        opts.Upgrades == On,
		UpgradeTimeout:  opts.UpgradeTimeout,
		HTTPCompression: opts.HTTPCompression,
		CORS:            opts.headers(),
		Cookie:          opts.Cookie,
		Headers:         opts.HandshakeHeaders,
		CheckOrigin:     cfg.CheckOrigin,
		Reserve:         cfg.Reserve,
		Allow:           s.allow,
		Open:            s.open,
		MaxUnpolled:     opts.MaxUnpolled,
		Shortest:        min(opts.ConnectTimeout, opts.AttachmentTimeout),
	})
	return s
}

// allow runs the guards and then AllowRequest for a request that opens a connection.
func (s *server) allow(r *http.Request) error {
	if s.cfg.AdmitRequest != nil {
		if err := s.cfg.AdmitRequest(r); err != nil {
			return err
		}
	}
	if s.opts.AllowRequest == nil {
		return nil
	}
	return httperr.Sendable(r.Context(), s.cfg.Logger, s.opts.AllowRequest(r), "option", "AllowRequest")
}

// open returns the handler of a new session.
func (s *server) open(eng *engineio.Session, r *http.Request) engineio.Handler {
	c := &connection{srv: s, eng: eng}
	c.request.Set(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startNoNamespace()
	return c
}

// decoder returns a decoder that is between two packets.
func (s *server) decoder() packet.Decoder {
	if d, ok := s.decoders.Get().(packet.Decoder); ok {
		return d
	}
	return s.opts.Parser.NewDecoder(s.limits)
}

// ServeHTTP serves the path itself, with and without a trailing slash.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if trimSlash(r.URL.Path) != s.path {
		adapter.WriteRefusal(w, &websockets.Error{
			Message: "Not found", Code: websockets.CodeNotFound, Status: http.StatusNotFound,
		})
		return
	}
	s.engine.ServeHTTP(w, r)
}

// Native returns nil: there is no server object below.
func (s *server) Native(string) any { return nil }

// Close implements [adapter.Server]. When ctx ends first, it aborts the rest
// and returns an error with their number.
func (s *server) Close(ctx context.Context) error {
	if s.recovery != nil {
		s.recovery.Close()
	}
	return s.engine.Close(ctx)
}

// endpoint returns the endpoint of a namespace, or nil.
func (s *server) endpoint(namespace string) adapter.Endpoint {
	for _, e := range s.cfg.Endpoints {
		if e.Match(namespace) {
			return e
		}
	}
	return nil
}

// since reports whether a stamp of the engine's clock, 0 for none, is older than d.
func since(now, stamp int64, d time.Duration) bool {
	return stamp != 0 && time.Duration(now-stamp) > d
}

func trimSlash(path string) string {
	return cmp.Or(strings.TrimRight(path, "/"), "/")
}
