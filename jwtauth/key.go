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

// checkKey tells why a key does not fit the method, or is too weak for it. A
// method that is not of package jwt is the user's to know.
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
			return wrongType(m, key, "an ed25519.PublicKey")
		}
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("it has %d bytes, but an ed25519.PublicKey has %d", len(k), ed25519.PublicKeySize)
		}
	}
	return nil
}

func checkSecret(m *jwt.SigningMethodHMAC, key any) error {
	k, ok := key.([]byte)
	if !ok {
		return wrongType(m, key, "a []byte")
	}
	if need := m.Hash.Size(); len(k) < need {
		return fmt.Errorf("it has %d bytes, but %s needs %d or more (RFC 7518 §3.2): make them with crypto/rand", len(k), m.Alg(), need)
	}
	return nil
}

const minRSABits = 2048

func checkRSA(m jwt.SigningMethod, key any) error {
	k, ok := key.(*rsa.PublicKey)
	if !ok || k == nil || k.N == nil {
		return wrongType(m, key, "an *rsa.PublicKey")
	}
	if bits := k.N.BitLen(); bits < minRSABits {
		return fmt.Errorf("it has %d bits, but %s needs %d or more (RFC 7518 §3.3): make a new one", bits, m.Alg(), minRSABits)
	}
	return nil
}

func checkECDSA(m *jwt.SigningMethodECDSA, key any) error {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok || k == nil || k.Curve == nil {
		return wrongType(m, key, "an *ecdsa.PublicKey")
	}
	if bits := k.Curve.Params().BitSize; bits != m.CurveBits {
		return fmt.Errorf("it is on a curve of %d bits, but %s needs one of %d", bits, m.Alg(), m.CurveBits)
	}
	return nil
}

func wrongType(m jwt.SigningMethod, key any, want string) error {
	hint := "use the one of the issuer"
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		hint = "give its public half, as Public() has it"
	case string:
		hint = "convert it, or decode it when it is base64 or PEM"
	case crypto.Signer:
		hint = "give what its Public() has"
	}
	return fmt.Errorf("it is a %T, but %s needs %s that is not nil: %s", key, m.Alg(), want, hint)
}
