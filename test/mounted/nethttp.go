package mounted

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/app"
)

// NetHTTP serves an application below a path of a mux.
func NetHTTP(a *app.App) http.Handler {
	// snippet:nethttp
	mux := http.NewServeMux()
	mux.Handle("/chat/", http.StripPrefix("/chat", a.Handler()))
	// end
	return mux
}
