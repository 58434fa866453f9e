package mounted

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
)

// Chi serves an application below a path of chi.
func Chi(a *app.App) http.Handler {
	// snippet:chi
	r := chi.NewRouter()
	r.Mount("/chat", a.Handler())
	// end
	return r
}
