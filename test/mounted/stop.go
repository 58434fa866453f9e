package mounted

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-go/gatehouse/app"
)

// Stop stops an application and the server that serves it.
//
// snippet:stop
func Stop(ctx context.Context, a *app.App, srv *http.Server) error {
	err := a.Stop(ctx)                         // first: disconnects the clients, then answers 503
	return errors.Join(err, srv.Shutdown(ctx)) // waits for the requests of other handlers
}

// end
