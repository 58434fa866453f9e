package web

import (
	"net/http"
	"net/netip"

	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// RemoteAddr returns the address of the client that sent the request, without port and zone;
// IPv4-mapped IPv6 addresses are converted to IPv4. Behind app.TrustedProxies it is the
// address that they report. It is invalid if there is none, as on a Unix socket without
// X-Forwarded-For.
func RemoteAddr(r *http.Request) netip.Addr { return remote.Of(r).Addr }
