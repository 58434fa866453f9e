package web

import (
	"fmt"
	"strings"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// CORS allows pages of other origins to use the controllers. Preflights are answered before
// guards run; without CORS they are answered with 405.
//
//	web.CORS(cors.Options{AllowedOrigins: []string{"https://app.example.com"}, AllowCredentials: true})
//
// AllowCredentials for every origin is a start error, because browsers reject it, and so are
// origins, methods and headers that no browser sends. The default ports of http and https do
// not matter.
func CORS(o cors.Options) Option {
	return optionFunc(func(s *settings) {
		if !s.allowed("CORS", atApplication) {
			return
		}
		own, problems := checkCORS(o)
		for _, p := range problems {
			s.problemf("CORS: %s", p)
		}
		s.cors = &own
	})
}

// checkCORS returns the options with origins as browsers send them, which package cors compares
// as text, and what is wrong with them.
func checkCORS(o cors.Options) (_ cors.Options, problems []string) {
	problemf := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	all := len(o.AllowedOrigins) == 0
	var origins []string
	for _, text := range o.AllowedOrigins {
		all = all || text == "*"
		canonical, err := corsOrigin(text)
		if err != nil {
			problemf("AllowedOrigins: %v", err)
		}
		origins = append(origins, canonical)
	}
	if o.AllowOriginFunc != nil && len(origins) > 0 {
		problemf("AllowedOrigins has no effect with AllowOriginFunc: remove one")
	}
	if all && o.AllowOriginFunc == nil && o.AllowCredentials {
		problemf("browsers reject AllowCredentials with every origin; list AllowedOrigins")
	}
	for _, m := range o.AllowedMethods {
		if !rfc6455.IsToken(m) || m == "*" { // package cors compares it as the name of a method
			problemf("AllowedMethods: %q is not a method: list each on its own, such as \"GET\"", m)
		}
	}
	for _, h := range o.AllowedHeaders {
		if !rfc6455.IsToken(h) {
			problemf("AllowedHeaders: %q is not the name of a header: list each name on its own", h)
		}
	}
	for _, h := range o.ExposedHeaders {
		switch {
		case !rfc6455.IsToken(h):
			problemf("ExposedHeaders: %q is not the name of a header: list each name on its own", h)
		case h == "*" && o.AllowCredentials:
			problemf("ExposedHeaders: \"*\" is the name of a header to browsers with AllowCredentials: list the headers")
		}
	}
	o.AllowedOrigins = origins
	return o, problems
}

// corsOrigin returns an entry of AllowedOrigins as package cors has to compare it. A wildcard
// stands for any text there.
func corsOrigin(text string) (string, error) {
	if text == origin.Null {
		return text, nil
	}
	before, after, wild := strings.Cut(text, "*")
	if !wild || text == "*" {
		p, err := origin.ParsePattern(text, "AllowOriginFunc")
		return p.String(), err
	}
	if strings.Contains(after, "*") {
		return text, fmt.Errorf("origin %q has more than one wildcard: list the origins, or use AllowOriginFunc", text)
	}
	var first error
	for _, stand := range []string{"w1ld", "1"} { // for letters, for a number
		p, err := origin.ParsePattern(corsExample(before, stand, after), "AllowOriginFunc")
		if err == nil {
			after = strings.TrimSuffix(after, "/")
			if port := map[string]string{"https": ":443", "http": ":80"}[p.Origin.Scheme]; p.Origin.Port == "" && port != "" {
				after = strings.TrimSuffix(after, port)
			}
			return before + "*" + after, nil
		}
		if first == nil {
			first = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), stand, "*"))
		}
	}
	return text, first
}

// corsExample returns an origin that a pattern with a wildcard may stand for.
func corsExample(before, stand, after string) string {
	switch {
	case strings.HasPrefix(after, "://"):
		return "https" + after
	case strings.Contains(before, "://"):
		return before + stand + after
	}
	return "https://" + before + stand + after
}
