package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Codes of the errors that clients receive.
const (
	CodeMissing = "token_missing" // no token
	CodeExpired = "token_expired" // the token was valid and has expired
	CodeInvalid = "token_invalid" // anything else; the client needs another token
)

// CloseExpired is the close code of plain WebSocket connections whose token has
// expired.
const CloseExpired = 4401

// The WWW-Authenticate header of RFC 6750 §3, without an error code if the request
// has no token (§3.1).
const (
	challenge        = `Bearer`
	challengeInvalid = `Bearer error="invalid_token"`
)

func missingError() *pipeline.Error {
	return newError("Token missing", CodeMissing, challenge, nil)
}

func expiredError(cause error) *pipeline.Error {
	return newError("Token expired", CodeExpired, challengeInvalid, cause)
}

func invalidError(cause error) *pipeline.Error {
	return newError("Token invalid", CodeInvalid, challengeInvalid, cause)
}

// newError returns a new error each time, because filters may change it.
func newError(message, code, challenge string, cause error) *pipeline.Error {
	return &pipeline.Error{
		Message: message, Code: code, Status: http.StatusUnauthorized,
		Header: http.Header{"Www-Authenticate": {challenge}}, Err: cause,
	}
}

// clientError converts an error of package jwt to the one that the client receives.
func clientError(err error) *pipeline.Error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok { // from KeyFunc or Claims.Validate
		return e
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return invalidError(malformed(err))
	case errors.Is(err, jwt.ErrTokenExpired): // checked after the signature
		return expiredError(err)
	default:
		return invalidError(err)
	}
}

// malformed describes a decoding error without quoting the input.
func malformed(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: %q does not fit the type %v of the claims", jwt.ErrTokenMalformed, e.Field, e.Type)
	}
	return jwt.ErrTokenMalformed
}

// withoutEcho returns err with a body that does not repeat the client's message.
func withoutEcho(err error) error {
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok || e.Body != nil {
		return err
	}
	safe := *e
	safe.Body = httperr.EventOf(e)
	return &safe
}
