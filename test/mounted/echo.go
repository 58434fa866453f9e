package mounted

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/gatehouse-go/gatehouse/app"
)

// Echo serves an application below a path of echo.
func Echo(a *app.App) http.Handler {
	// snippet:echo
	e := echo.New()
	e.Any("/chat/*", echo.WrapHandler(http.StripPrefix("/chat", a.Handler())))
	// end
	return e
}
