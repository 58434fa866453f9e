package otel

import (
	"context"
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Values of error.type for errors without a code.
const (
	errPanic     = "panic"
	errInternal  = "internal"
	errTimeout   = "timeout"
	errCanceled  = "canceled"
	errQueueFull = "queue_full"
	errClosed    = "closed"
	errClient    = "client" // meant for the client
	errOther     = "_OTHER" // more codes than there is room for
)

// errorType returns the error.type of an error: the code that the client receives, or one of the words above. sent is what
// the client was sent; nil where that is not known.
func errorType(err error, sent *websockets.Error, panicked bool) string {
	if panicked {
		return errPanic
	}
	forClient, ok := errors.AsType[*websockets.Error](err)
	switch {
	case sent != nil && sent.Code != "":
		return sent.Code
	case ok && forClient.Code != "":
		return forClient.Code
	case ok:
		return errClient
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	case errors.Is(err, context.Canceled):
		return errCanceled
	case errors.Is(err, websockets.ErrQueueFull):
		return errQueueFull
	case errors.Is(err, websockets.ErrClosed):
		return errClosed
	}
	return errInternal
}

// errorType returns the error.type of an error in attributes of metrics: an application may have any number of codes, so
// those beyond maxCodes are "_OTHER", the word of the conventions of OpenTelemetry.
func (m *Metrics) errorType(err error, sent *websockets.Error, panicked bool) string {
	if err == nil {
		return ""
	}
	kind := errorType(err, sent, panicked)
	if m.codes.has(kind) || m.codes.add(kind) {
		return kind
	}
	return errOther
}
