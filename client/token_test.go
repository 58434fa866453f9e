package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type (
	claims struct{ jwt.RegisteredClaims }
	guard  = jwtauth.Guard[claims]
)

var secret = []byte("32 random bytes, from a vault ...")

func newGuard() (*guard, error) {
	return jwtauth.New[claims](jwtauth.Options{
		Method: jwt.SigningMethodHS256, Key: secret, Sources: []jwtauth.Source{jwtauth.Header(), jwtauth.Subprotocol("bearer")},
	})
}

func sign(t testing.TB, subject string, life time.Duration) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{jwt.RegisteredClaims{
		Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(life)),
	}}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// vault accepts clients with a token.
type vault struct {
	guard   *guard
	kitchen *kitchen
}

func newVault(g *guard, k *kitchen) *vault { return &vault{g, k} }

func (v *vault) HandleConnection(_ context.Context, c websockets.Client) error {
	if v.kitchen.enters != nil {
		claims, _ := v.guard.Get(c)
		v.kitchen.enters(claims.Subject)
	}
	return nil
}

var WhoAmI = websockets.NewRequest[none, string]("whoami")

func (v *vault) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{WhoAmI.On(func(ctx context.Context, _ none) (string, error) {
		c, _ := v.guard.From(ctx)
		return c.Subject, nil
	}), Once.On(func(_ context.Context, n int) (int, error) { return v.kitchen.once(n), nil }, websockets.Background(100))}
}

// vaultURL is the URL of the vault beside that of a room.
func vaultURL(room string) string { return room[:len(room)-len("/kitchen/tea")] + "/vault" }

func TestTokenPlaces(t *testing.T) {
	_, url := started(t)
	token := func(context.Context) (string, error) { return sign(t, "Ann", time.Hour), nil }
	for name, o := range map[string]client.Options{
		"header":      {Token: token},
		"subprotocol": {Token: token, TokenIn: client.InSubprotocol, Subprotocols: []string{"other"}},
		"by hand":     {Header: http.Header{"Authorization": {"Bearer " + sign(t, "Ann", time.Hour)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := call(t, dial(t, vaultURL(url), o), WhoAmI, none{}); got != "Ann" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestRefusedToken(t *testing.T) {
	_, url := started(t)
	for name, o := range map[string]client.Options{
		"none":  {},
		"wrong": {Token: func(context.Context) (string, error) { return "wrong", nil }},
		"empty": {Token: func(context.Context) (string, error) { return "", nil }},
	} {
		_, err := client.Dial(t.Context(), vaultURL(url), o)
		e, ok := errors.AsType[*websockets.Error](err)
		if !ok || e.Status != 401 || e.Code != jwtauth.CodeMissing && name != "wrong" || e.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %v: %+v", name, err, e)
		}
	}
}

// A token that expires, and one that is refused later: each attempt asks for a new one.
func TestNewTokens(t *testing.T) {
	_, url := started(t)
	var asked atomic.Int32
	states := make(chan client.State, 100)
	why := make(chan error, 100)
	c := dial(t, vaultURL(url), client.Options{
		FirstRetry: time.Millisecond,
		Token: func(context.Context) (string, error) {
			n := asked.Add(1)
			switch n {
			case 1:
				return sign(t, "user 1", 2*time.Second), nil // the times in tokens are seconds
			case 2:
				return "", errors.New("the token service is down")
			case 3:
				return "wrong", nil
			}
			return sign(t, fmt.Sprint("user ", n), time.Hour), nil
		},
		OnState: func(s client.State, err error) { states <- s; why <- err },
	})
	if got := call(t, c, WhoAmI, none{}); got != "user 1" {
		t.Errorf("got %q", got)
	}
	want := []struct {
		state client.State
		err   string
	}{
		{client.Connecting, "<nil>"},
		{client.Open, "<nil>"},
		{client.Waiting, "the server has closed the connection with 4401: Token expired"},
		{client.Connecting, "<nil>"},
		{client.Waiting, "the token: the token service is down"},
		{client.Connecting, "<nil>"},
		{client.Waiting, "handshake: Token invalid"},
		{client.Connecting, "<nil>"},
		{client.Open, "<nil>"},
	}
	for i, w := range want {
		s, err := testkit.Receive(t, w.state.String(), states), testkit.Receive(t, "its error", why)
		if s != w.state || fmt.Sprint(err) != w.err {
			t.Errorf("state %d: %v, %v, want %v, %s", i, s, err, w.state, w.err)
		}
	}
	if got := call(t, c, WhoAmI, none{}); got != "user 4" {
		t.Errorf("got %q", got)
	}
}

func TestNoToken(t *testing.T) {
	_, url := started(t)
	var asked atomic.Int32
	c := dial(t, vaultURL(url), client.Options{
		FirstRetry: time.Millisecond,
		Token: func(context.Context) (string, error) {
			if asked.Add(1) > 1 {
				return "", fmt.Errorf("signed out: %w", client.ErrNoToken)
			}
			return sign(t, "Ann", 2*time.Second), nil
		},
	})
	eventually(t, "the end", func() bool { return c.State() == client.Closed })
	_, err := WhoAmI.Call(t.Context(), c, none{})
	wantErrors(t, err, client.ErrClosed, client.ErrNoToken)
	_, err = client.Dial(t.Context(), vaultURL(url), client.Options{Token: func(context.Context) (string, error) { return "", client.ErrNoToken }})
	wantErrors(t, err, client.ErrNoToken)
	// A panic is a failed attempt.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = client.Dial(ctx, vaultURL(url), client.Options{Logger: discard, Token: func(context.Context) (string, error) { panic("of a token") }})
	wantErrors(t, err, context.DeadlineExceeded)
	if !strings.Contains(err.Error(), "the last attempt: the token: panic: of a token") {
		t.Errorf("got %v", err)
	}
}
