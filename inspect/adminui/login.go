package adminui

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Limits of logins with a password. Each costs tens of milliseconds of CPU.
const (
	loginsPerSecond = 0.1 // of one address, once loginBurst are used up
	loginBurst      = 10
	maxLogins       = 16 // that wait at a time; one is checked at a time
)

// errCredentials is compared by the page, which then asks for the password.
var errCredentials error = &websockets.Error{Message: "invalid credentials", Code: pipeline.CodeUnauthorized}

var errBusy error = &websockets.Error{Message: "Too many logins at a time: try again later", Code: ratelimit.CodeRateLimited}

// sessionKey has the id of the session that a client has opened with its password; the page keeps it.
var sessionKey = websockets.NewKey[string]("adminui: session")

// login checks credentials.
type login struct {
	username, hash []byte
	ttl            time.Duration
	limit          pipeline.Guard
	sessions       sessions
	log            *slog.Logger

	waiting atomic.Int32
	turn    chan struct{} // holds a value while a password is checked
}

func newLogin(o *Options, log *slog.Logger) *login {
	return &login{
		username: []byte(o.Username), hash: []byte(o.PasswordHash), ttl: o.SessionTTL,
		limit: ratelimit.Connections(loginsPerSecond, loginBurst), log: log, turn: make(chan struct{}, 1),
	}
}

// credentials are the auth of a page: a session, or a user and a password.
type credentials struct {
	SessionID string `json:"sessionId"`
	Username  string `json:"username"`
	Password  string `json:"password"`
}

// check is that of websockets.Admit.
func (l *login) check(ctx context.Context, h *websockets.Handshake) error {
	var c credentials
	if err := h.Auth.Decode(&c); err != nil {
		return errCredentials
	}
	if c.SessionID != "" && l.sessions.has(sha256.Sum256([]byte(c.SessionID)), time.Now()) {
		return nil
	}
	if c.Password == "" {
		return errCredentials
	}
	if err := l.limit.Check(ctx, &pipeline.Call{Kind: pipeline.KindConnect, Request: h.Request}); err != nil {
		return err
	}
	ok, err := l.matches(ctx, c)
	if err != nil {
		return err
	}
	address := web.RemoteAddr(h.Request)
	if !ok {
		l.log.WarnContext(ctx, "adminui: wrong user or password", "address", address)
		return errCredentials
	}
	l.log.InfoContext(ctx, "adminui: logged in", "address", address)
	sessionKey.Set(h, rand.Text())
	return nil
}

// matches compares user and password. It takes as long for a wrong user as for a wrong password.
func (l *login) matches(ctx context.Context, c credentials) (bool, error) {
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > maxLogins {
		return false, errBusy
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return false, errBusy
	}
	wrong := bcrypt.CompareHashAndPassword(l.hash, []byte(c.Password))
	return subtle.ConstantTimeCompare(l.username, []byte(c.Username)) == 1 && wrong == nil, nil
}
