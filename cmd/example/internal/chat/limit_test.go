package chat_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

// overHTTP returns a request to a room as chi passes it to guards: with the encoded
// path if it differs from Go's encoding.
func overHTTP(room, rawPath string) *pipeline.Call {
	r := &http.Request{URL: &url.URL{RawPath: rawPath}}
	r.SetPathValue("room", room)
	return &pipeline.Call{Kind: pipeline.KindHTTP, Request: r}
}

func TestRoomLimit(tt *testing.T) {
	synctest.Test(tt, func(tt *testing.T) {
		t := setup(tt)
		limit := chat.NewRoomLimit()
		check := func(c *pipeline.Call, rejected bool) {
			t.Helper()
			err := limit.Check(t.Context(), c)
			e, ok := errors.AsType[*pipeline.Error](err)
			if rejected != (err != nil) || rejected && (!ok || e.Code != ratelimit.CodeRateLimited || e.Status != 429) {
				t.Errorf("got %v", err)
			}
		}
		var say []*pipeline.Call // of two members, and over HTTP
		for _, name := range []string{"Ann", "Bob"} {
			c, ctx := t.client(name, name)
			if _, err := t.Join(ctx, chat.Join{Room: "tea"}); err != nil {
				t.Fatal(err)
			}
			say = append(say, &pipeline.Call{Kind: pipeline.KindMessage, Store: c.Values()})
		}
		say = append(say, overHTTP("tea", ""), overHTTP("t%65a", "/rooms/t%65a/messages"), overHTTP(" tea", ""))

		for range 2 { // 10 at once
			for _, c := range say {
				check(c, false)
			}
		}
		for _, c := range say {
			check(c, true)
		}
		check(overHTTP("cake", ""), false) // another room
		check(overHTTP("t%65a", ""), false)
		outside, _ := t.client("3", "Cat")
		check(&pipeline.Call{Kind: pipeline.KindMessage, Store: outside.Values()}, false) // in no room

		<-time.After(time.Second) // of the bubble; 5 a second
		for _, c := range say {
			check(c, false)
		}
		check(say[0], true)
	})
}
