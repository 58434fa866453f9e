package jwtauth

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Claims of Set are those of handlers, and Check accepts them until they expire.
func TestSet(t *testing.T) {
	guard, err := New[claims](Options{Method: jwt.SigningMethodHS256, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	call := &pipeline.Call{Kind: pipeline.KindMessage, Store: new(websockets.Values)}
	for _, name := range []string{"Ada", "Bob"} { // the second ones replace the first
		if err := guard.Set(call, claims{Name: name}); err != nil {
			t.Fatal(err)
		}
		if got, ok := guard.Get(call); !ok || got.Name != name {
			t.Errorf("got %v, %t, want %s", got, ok, name)
		}
		if err := guard.Check(t.Context(), call); err != nil {
			t.Error(err)
		}
	}
	past := jwt.NewNumericDate(time.Now().Add(-time.Hour))
	if err := guard.Set(call, claims{RegisteredClaims: jwt.RegisteredClaims{ExpiresAt: past}}); err != nil {
		t.Fatal(err)
	}
	if err := guard.Check(t.Context(), call); !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("expired: %v", err)
	}
}

// A claim that cannot be read is an error.
func TestSetUnreadable(t *testing.T) {
	guard, err := New[jwt.MapClaims](Options{Method: jwt.SigningMethodHS256, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	call := &pipeline.Call{Store: new(websockets.Values)}
	if err := guard.Set(call, jwt.MapClaims{"sub": 1}); !errors.Is(err, jwt.ErrInvalidType) {
		t.Errorf("got %v", err)
	}
	if _, ok := guard.Get(call); ok {
		t.Error("the claims are stored")
	}
}
