package jwtauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// checkKey reports why a key does not fit the method, or is too weak for it. It
// accepts any key for a method that is not part of package jwt.
func checkKey(m jwt.SigningMethod, key any) error {
	if set, ok := key.(jwt.VerificationKeySet); ok {
		if len(set.Keys) == 0 {
			return errors.New("the VerificationKeySet is empty: add a key")
		}
		for i, k := range set.Keys {
			if err := checkKey(m, k); err != nil {
				return fmt.Errorf("key %d of the VerificationKeySet: %w", i+1, err)
			}
		}
		return nil
	}
	switch m := m.(type) {
	case *jwt.SigningMethodHMAC:
		return checkSecret(m, key)
	case *jwt.SigningMethodRSA:
		return checkRSA(m, key)
	case *jwt.SigningMethodRSAPSS:
		return checkRSA(m, key)
	case *jwt.SigningMethodECDSA:
		return checkECDSA(m, key)
	case *jwt.SigningMethodEd25519:
		k, ok := key.(ed25519.PublicKey)
		if !ok {
			return wrongType(m, key, "ed25519.PublicKey")
		}
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("%d bytes, but an ed25519.PublicKey has %d", len(k), ed25519.PublicKeySize)
		}
	}
	return nil
}

func checkSecret(m *jwt.SigningMethodHMAC, key any) error {
	k, ok := key.([]byte)
	if !ok {
		return wrongType(m, key, "[]byte")
	}
	if need := m.Hash.Size(); len(k) < need {
		return fmt.Errorf("%d bytes, but %s needs at least %d (RFC 7518 §3.2): generate them with crypto/rand", len(k), m.Alg(), need)
	}
	return nil
}

const minRSABits = 2048

func checkRSA(m jwt.SigningMethod, key any) error {
	k, ok := key.(*rsa.PublicKey)
	if !ok || k == nil || k.N == nil {
		return wrongType(m, key, "*rsa.PublicKey")
	}
	if bits := k.N.BitLen(); bits < minRSABits {
		return fmt.Errorf("%d bits, but %s needs at least %d (RFC 7518 §3.3): generate a new key", bits, m.Alg(), minRSABits)
	}
	return nil
}

func checkECDSA(m *jwt.SigningMethodECDSA, key any) error {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || k == nil || k.Curve == nil {
		return wrongType(m, key, "*ecdsa.PublicKey")
	}
	if bits := k.Curve.Params().BitSize; bits != m.CurveBits {
		return fmt.Errorf("curve of %d bits, but %s needs one of %d", bits, m.Alg(), m.CurveBits)
	}
	return nil
}

func wrongType(m jwt.SigningMethod, key any, want string) error {
	hint := "use the issuer's key"
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		hint = "pass its public key, as returned by Public()"
	case string:
		hint = "convert it, or decode it if it is base64 or PEM"
	case crypto.Signer:
		hint = "pass the result of its Public()"
	}
	return fmt.Errorf("type %T, but %s needs a non-nil %s: %s", key, m.Alg(), want, hint)
}
