package login

import (
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a token says.
type Claims struct {
	jwt.RegisteredClaims

	// Name is how others see the one who has the token.
	Name string `json:"name"`
}

// Key signs tokens, and verifies them.
type Key []byte

// NewKey makes a random key, so that the example runs without any configuration, and
// nobody has to log out: with the process, all tokens end. A real application takes
// its key from its configuration, the same one for all its processes.
func NewKey() Key {
	key := make(Key, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// Life is how long a token lasts.
type Life time.Duration

// Tokens makes tokens.
type Tokens struct {
	key  Key
	life Life
}

// NewTokens makes the maker of tokens.
func NewTokens(key Key, life Life) *Tokens { return &Tokens{key, life} }

// New makes a token. The subject is who it is for, whatever the name.
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
