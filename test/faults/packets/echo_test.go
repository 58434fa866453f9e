package packets_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/test/internal/harness"
)

// TestFault_F57_LongPayloadRefused: A payload of half a megabyte and more that a handler refuses is answered with an
// error like a short one, and the connection stays open, although the error contains the payload.
func TestFault_F57_LongPayloadRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		long := `{"to":5,"more":{"x":"` + strings.Repeat("x", 900_000) + `"}}`
		for range 3 {
			c.wantError(t, "post", long, "bad_payload")
		}
		c.wantValue(t, "mirror", `1`, `1`)
	})
}
