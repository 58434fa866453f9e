package connection

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClientErrorsWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Connection
		for range 100 { // the allowed number in each window, without end
			for range 4 {
				if c.CountError(5) {
					t.Fatal("fewer than the limit within 10 s are too many")
				}
			}
			<-time.After(errorWindow) // of the bubble
		}
		for n := range 10 {
			if over := c.CountError(5); over != (n == 4) {
				t.Fatalf("error %d: %t", n+1, over)
			}
		}
		if !c.Closing() {
			t.Error("the connection is not closing")
		}
	})
	var c Connection
	for range 1000 {
		if c.CountError(-1) {
			t.Fatal("a negative limit is one")
		}
	}
}
