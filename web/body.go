package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// ReadJSON decodes the request's body. The error is an [*Error] for [Fail]: 415 if the
// Content-Type is not JSON (so that forms of other sites cannot post it) or the body is
// compressed, 413 if the body is
// larger than maxBytes, otherwise 400.
//
//	in, err := web.ReadJSON[Message](w, r, 64<<10)
//	if err != nil {
//		web.Fail(w, err)
//		return
//	}
//
// Names match exactly or else case-insensitively; duplicate names and invalid UTF-8 are
// errors. Half a surrogate pair ("\ud83d") is read as U+FFFD. Handlers of [JSON] do not need
// this function.
func ReadJSON[T any](w http.ResponseWriter, r *http.Request, maxBytes int64) (T, error) {
	var v, zero T
	b, err := readBody(w, r, maxBytes)
	if x := exchangeFrom(r.Context()); err == nil && x != nil && x.ep.v1 {
		d, _ := codec.DecoderOf(reflect.TypeFor[T]()) // its problems are those of another codec
		err = decodedV1(d, b, &v, codec.Options{})
	} else if err == nil {
		err = decoded(codec.Unmarshal(b, &v, codec.Options{}))
	}
	if err != nil {
		return zero, err
	}
	return v, nil
}

// body holds the body of a request, for handlers that are called several times.
type body struct {
	read  bool
	bytes []byte
	err   error
}

func (b *body) of(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if !b.read {
		b.bytes, b.err = readBody(w, r, limit)
		b.read = true
	}
	return b.bytes, b.err
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Message: "The Content-Type must be application/json"}
	}
	if !rfc6455.OnlyToken(r.Header["Content-Encoding"], "identity") {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Message: "The body must not be compressed"}
	}
	if r.Body == nil { // possible only in tests
		return nil, nil
	}
	var buf bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= limit && n <= 1<<20 { // Content-Length is not trusted above 1 MiB
		buf.Grow(int(n) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return buf.Bytes(), nil
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(e.Limit, err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || r.Context().Err() != nil {
		return nil, badBody("incomplete", err)
	}
	return nil, badBody("cannot be read", err)
}

func tooLarge(limit int64, err error) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("The body is larger than %d bytes", limit), Err: err,
	}
}

func badBody(what string, err error) *Error {
	return &Error{Status: http.StatusBadRequest, Message: "Bad body: " + what, Code: pipeline.CodeBadPayload, Err: err}
}

// decodedV1 decodes as encoding/json does, and returns the client's error. The plan of the decoder only weighs the body.
func decodedV1(d *codec.Decoder, b []byte, v any, o codec.Options) error {
	if err := d.Weigh(b, o); err != nil {
		return decoded(err)
	}
	return decoded(codec.V1{}.Decode(b, v, o))
}

// decoded returns the client's error for one of decoding a body.
func decoded(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, codec.ErrBudget):
		return decodeerr.TooLarge(decodeerr.Body, err)
	}
	return decodeerr.Of(err, decodeerr.Body)
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json"))
}
