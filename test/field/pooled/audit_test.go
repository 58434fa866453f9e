package pooled_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// An interceptor that answers while next still runs on another goroutine: the memory of the message is not that of
// another one before next returns.
func TestAudit_NextThatIsStillRunning(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			text := func(i int) string { return fmt.Sprint(i) + strings.Repeat("x", 100) }
			release, seen := make(chan struct{}), make(chan string, 1)
			early := pipeline.InterceptorFunc(func(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
				var is string
				if err := c.Payload.Decode(&is); err != nil || is != text(0) {
					return next(ctx)
				}
				running := make(chan struct{})
				go func() { _, _ = next(context.WithValue(ctx, key{}, running)) }()
				<-running
				return "early", nil
			})
			slow := pipeline.InterceptorFunc(func(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
				if running, ok := ctx.Value(key{}).(chan struct{}); ok {
					close(running)
					<-release
					var is string
					_ = c.Payload.Decode(&is)
					seen <- is
				}
				return next(ctx)
			})
			c := dial(t, platform, websockets.UseInterceptors(early, slow))
			if got := apptest.Call[string](c, "say", text(0)); got != "early" {
				t.Fatalf("answered %q", got)
			}
			for i := range 100 {
				if got := apptest.Call[string](c, "say", text(i+1)); got != text(i+1) {
					t.Fatalf("answered %q", got)
				}
			}
			close(release)
			if got := testkit.Receive(t, "what the other goroutine sees", seen); got != text(0) {
				t.Errorf("it sees %q", got)
			}
		})
	}
}

type key struct{}
