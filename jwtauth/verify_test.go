package jwtauth

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// A token that comes in another way than a call is verified by the same rules.
func TestVerify(t *testing.T) {
	g, _ := newTestGuard(t, Options{Method: jwt.SigningMethodHS256, Key: secret})
	good := sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "ada", "exp": noon.Unix() + 60})
	c, err := g.Verify(t.Context(), good)
	if err != nil || c.Subject != "ada" {
		t.Errorf("got %+v, %v", c, err)
	}
	_, err = g.Verify(t.Context(), "")
	wantDenied(t, err, "token_missing", "")
	for token, code := range map[string]string{
		sign(jwt.SigningMethodHS256, otherSecret, jwt.MapClaims{"sub": "ada", "exp": noon.Unix() + 60}): "token_invalid",
		sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "ada", "exp": noon.Unix() - 3600}):    "token_expired",
	} {
		_, err := g.Verify(t.Context(), token)
		wantDenied(t, err, code, token)
	}
}
