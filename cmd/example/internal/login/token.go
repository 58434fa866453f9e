package login

import (
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are the claims of a token.
type Claims struct {
	jwt.RegisteredClaims

	// Name is the user's name, visible to others.
	Name string `json:"name"`
}

// Key signs and verifies tokens.
type Key []byte

// NewKey returns a random key, so that the example runs without configuration; tokens
// become invalid when the process ends. An application with several processes reads its key
// from its configuration, one for all, as cmd/example/cluster does.
func NewKey() Key {
	key := make(Key, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// Life is the lifetime of a token.
type Life time.Duration

// Tokens issues tokens.
type Tokens struct {
	key  Key
	life Life
}

// NewTokens returns a Tokens.
func NewTokens(key Key, life Life) *Tokens { return &Tokens{key, life} }

// New returns a signed token. The subject identifies the user; names may be equal.
func (t *Tokens) New(subject, name string) (string, error) {
	now := time.Now()
	claims := Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   subject,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(time.Duration(t.life))),
		},
		Name: name,
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(t.key))
}
