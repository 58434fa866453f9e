package web

import (
	"net/http"
	"net/netip"

	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// RemoteAddr returns the address of the client that sent the request, without a port
// and a zone; IPv4 addresses that are mapped into IPv6 are IPv4. Behind proxies that
// are named with app.TrustedProxies it is the one that they report. It is invalid
// where there is none, as behind a Unix socket without X-Forwarded-For.
func RemoteAddr(r *http.Request) netip.Addr { return remote.Of(r).Addr }
