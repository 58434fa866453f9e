package mounted

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gatehouse-go/gatehouse/app"
)

// Gin serves an application below a path of gin.
func Gin(a *app.App) http.Handler {
	// snippet:gin
	r := gin.New()
	r.Any("/chat/*path", gin.WrapH(http.StripPrefix("/chat", a.Handler())))
	// end
	return r
}
