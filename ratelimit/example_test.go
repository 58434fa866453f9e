package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

func Example() {
	guard := ratelimit.Connections(rate.Every(time.Minute), 2) // 2 at once, then 1 a minute

	call := &pipeline.Call{Kind: pipeline.KindConnect, Request: &http.Request{RemoteAddr: "192.0.2.1:5000"}}
	for range 3 {
		err := guard.Check(context.Background(), call)
		if e, ok := errors.AsType[*pipeline.Error](err); ok {
			fmt.Println(e.Status, e.Message, e.Header.Get("Retry-After"))
			continue
		}
		fmt.Println("connected")
	}
	// Output:
	// connected
	// connected
	// 429 Too many requests 60
}

// At most 50 messages a second in one room, from all clients together.
func ExampleBy() {
	perRoom := ratelimit.By(func(_ context.Context, c *pipeline.Call) (string, bool) {
		return c.Request.PathValue("room"), c.Kind == pipeline.KindMessage
	}, 50, 100)

	r := &http.Request{}
	r.SetPathValue("room", "lobby")
	fmt.Println(perRoom.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindMessage, Request: r}))
	// Output: <nil>
}
