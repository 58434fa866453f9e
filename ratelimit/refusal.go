package ratelimit

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// CodeRateLimited is the code of what is refused.
const CodeRateLimited = "rate_limited"

// Details are the Details of the error of what is refused.
type Details struct {
	// RetryAfter is after how many whole seconds the same may be tried again, at
	// least 1. The header Retry-After of an HTTP answer says the same.
	RetryAfter int `json:"retryAfter"`
}

// refusal is the answer. Where waiting does not help, it does not tell how long to wait.
func refusal(seconds int) error {
	e := &pipeline.Error{Message: "Too many requests", Code: CodeRateLimited, Status: http.StatusTooManyRequests}
	if seconds > 0 {
		e.Header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
		e.Details = Details{seconds}
	}
	return e
}
