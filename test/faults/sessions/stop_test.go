package sessions_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
)

// TestFault_F41_UnsentBodyHoldsTheStop: A request that was answered long ago, but whose announced body never arrived,
// does not delay the application's stop until its timeout, and causes no error.
func TestFault_F41_UnsentBodyHoldsTheStop(t *testing.T) {
	s := stage.New(t, socketIO())
	p := rawpeer.Dial(t, s.Addr)
	p.Write(rawpeer.Request(http.MethodGet, "/socket.io/?EIO=3&transport=polling", "Content-Length: 100") + "\r\n")
	wantRefused(t, "the handshake", p.Answer(), http.StatusBadRequest, codeVersion)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := s.App.App().Stop(ctx); err != nil {
		t.Error(err)
	}
}
