package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Codes of the errors that clients are told.
const (
	CodeMissing = "token_missing" // there is no token
	CodeExpired = "token_expired" // it was good, and is not any more
	CodeInvalid = "token_invalid" // anything else; get another one
)

// CloseExpired is the close code with which plain WebSocket clients are
// disconnected when their token ends.
const CloseExpired = 4401

// The header of RFC 6750 §3. A request without a token is told no error (§3.1).
const (
	challenge        = `Bearer`
	challengeInvalid = `Bearer error="invalid_token"`
)

func missing() *pipeline.Error {
	return denial("Token missing", CodeMissing, challenge, nil)
}

func expired(cause error) *pipeline.Error {
	return denial("Token expired", CodeExpired, challengeInvalid, cause)
}

func invalid(cause error) *pipeline.Error {
	return denial("Token invalid", CodeInvalid, challengeInvalid, cause)
}

// denial makes an error of its own each time: filters may change it.
func denial(message, code, challenge string, cause error) *pipeline.Error {
	return &pipeline.Error{
		Message: message, Code: code, Status: http.StatusUnauthorized,
		Header: http.Header{"Www-Authenticate": {challenge}}, Err: cause,
	}
}

// refusal is what the client is told of an error of package jwt.
func refusal(err error) *pipeline.Error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok { // of KeyFunc or of Claims.Validate
		return e
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return invalid(malformed(err))
	case errors.Is(err, jwt.ErrTokenExpired): // looked at only after the signature
		return expired(err)
	default:
		return invalid(err)
	}
}

// malformed words an error of decoding without what was to be decoded.
func malformed(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: %q does not fit the type %v of the claims", jwt.ErrTokenMalformed, e.Field, e.Type)
	}
	return jwt.ErrTokenMalformed
}

// exception is the body of an error without the `cause`, in which the client's own
// message, a token, would be.
type exception struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Code    string `json:"code,omitzero"`
	Details any    `json:"details,omitzero"`
}

// withoutEcho gives the error for the answer to a message that is a token.
func withoutEcho(err error) error {
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok || e.Body != nil {
		return err
	}
	told := *e
	told.Body = exception{"error", e.Message, e.Code, e.Details}
	return &told
}
