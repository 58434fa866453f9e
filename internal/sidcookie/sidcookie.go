// Package sidcookie completes and checks the cookie with the id of a session of Engine.IO.
package sidcookie

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Complete returns a copy of the declared cookie with the defaults: the name "io", the path
// "/", SameSite Lax, and always HttpOnly. The error is for a cookie that net/http does not
// write or that no browser keeps. nil stays nil.
func Complete(declared *http.Cookie) (*http.Cookie, error) {
	if declared == nil {
		return nil, nil
	}
	c := *declared //nolint:gosec // Secure is the application's to choose
	c.HttpOnly = true
	c.Name = cmp.Or(c.Name, "io")
	c.Path = cmp.Or(c.Path, "/")
	c.SameSite = cmp.Or(c.SameSite, http.SameSiteLaxMode)
	if problem := problem(c); problem != nil {
		return nil, problem
	}
	return &c, nil
}

func problem(c http.Cookie) error { //nolint:gosec // G124: the attributes are the option of the user
	c.Value = "sid"
	if err := c.Valid(); err != nil { // net/http would drop it silently
		return err
	}
	name := strings.ToLower(c.Name) // browsers compare prefixes without case
	host := strings.HasPrefix(name, "__host-")
	switch {
	case c.Path[0] != '/':
		return fmt.Errorf("browsers ignore the Path %q: write %q", c.Path, "/"+c.Path)
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		return errors.New("browsers drop a cookie with SameSite=None that is not Secure: set Secure")
	case (host || strings.HasPrefix(name, "__secure-") || strings.HasPrefix(name, "__http-")) && !c.Secure:
		return fmt.Errorf("browsers drop a cookie named %q that is not Secure: set Secure", c.Name)
	case host && (c.Path != "/" || c.Domain != ""):
		return fmt.Errorf("browsers drop a cookie named %q with a Path other than \"/\" or with a Domain: remove both", c.Name)
	case c.MaxAge == 0 && !c.Expires.IsZero() && !c.Expires.After(time.Now()):
		return errors.New("browsers drop a cookie whose Expires has passed: use MaxAge, or neither for the time that the browser runs")
	case c.MaxAge < 0:
		return errors.New("browsers drop a cookie with a negative MaxAge: use 0 for the time that the browser runs")
	}
	return nil
}
