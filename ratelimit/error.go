package ratelimit

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// CodeRateLimited is the code of the error of rejected calls.
const CodeRateLimited = "rate_limited"

// Details are the Details of the error of rejected calls.
type Details struct {
	// RetryAfter is the number of whole seconds after which to retry, at least 1. The
	// HTTP header Retry-After has the same value.
	RetryAfter int `json:"retryAfter"`
}

// limitError returns the error of a rejected call, without a time to retry after if
// seconds is 0.
func limitError(seconds int) error {
	e := &pipeline.Error{Message: "Too many requests", Code: CodeRateLimited, Status: http.StatusTooManyRequests}
	if seconds > 0 {
		e.Header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
		e.Details = Details{seconds}
	}
	return e
}
