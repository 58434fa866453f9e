package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

// Two messages at once for each connection, then one in two seconds. Bind the guard to a
// gateway: websockets.UseGuards(ratelimit.Messages(0.5, 2)).
func ExampleMessages() {
	guard := ratelimit.Messages(0.5, 2)

	ann, bob := new(pipeline.Values), new(pipeline.Values) // the values of two connections
	for _, connection := range []*pipeline.Values{ann, ann, ann, bob} {
		err := guard.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindMessage, Connection: connection})
		if e, ok := errors.AsType[*pipeline.Error](err); ok {
			fmt.Println(e.Code, e.Details.(ratelimit.Details).RetryAfter)
			continue
		}
		fmt.Println("allowed")
	}
	// Output:
	// allowed
	// allowed
	// rate_limited 2
	// allowed
}

// A limit for each API key in place of each address.
func ExampleAddress() {
	guard := ratelimit.Requests(1, 1, ratelimit.Address(func(r *http.Request) string {
		return r.Header.Get("X-Api-Key")
	}))

	for _, key := range []string{"one", "one", "two"} {
		r := &http.Request{RemoteAddr: "192.0.2.1:5000", Header: http.Header{"X-Api-Key": {key}}}
		err := guard.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindHTTP, Request: r})
		fmt.Println(key, err)
	}
	// Output:
	// one <nil>
	// one Too many requests
	// two <nil>
}
