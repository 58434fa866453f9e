// Package jwtauth provides a guard that authenticates with JSON Web Tokens
// (RFC 7519). One guard value serves HTTP routes, handshakes and messages.
//
//	type Claims struct {
//		jwt.RegisteredClaims
//		Name string `json:"name"`
//	}
//
//	type Guard = jwtauth.Guard[Claims]
//
//	func NewGuard(cfg *Config) (*Guard, error) {
//		return jwtauth.New[Claims](jwtauth.Options{
//			Method:   jwt.SigningMethodHS256,
//			Key:      cfg.Secret, // 32 random bytes
//			Issuer:   "https://id.example.com",
//			Audience: []string{"chat"},
//		})
//	}
//
//	var Module = module.New("chat",
//		module.Providers(NewGuard),
//		module.Exports(websockets.Gateway(NewGateway, websockets.UseGuards(NewGuard))))
//
//	type Gateway struct{ guard *Guard }
//
//	func (g *Gateway) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{
//			websockets.On("whoami", g.WhoAmI),
//			g.guard.Refresh("token"),
//		}
//	}
//
//	func (g *Gateway) WhoAmI(ctx context.Context, _ struct{}) (string, error) {
//		claims, _ := g.guard.From(ctx)
//		return claims.Name, nil
//	}
//
// Create one guard and inject it, as above: claims stored by one guard are
// invisible to another. If you wrap the guard, use a named field: embedding promotes
// CheckHandshake, which skips your exceptions.
//
// # When tokens are verified
//
// A route verifies the token of every request. The token of a client is verified
// once: with the request that opens the connection, if the guard is bound to the
// application and the request has the token; otherwise when the client connects. For
// its messages only the expiry is compared with the clock. A guard that is bound to a
// handler alone verifies the token of the handshake at the first message.
//
// The guard checks the signature, by the one method of the options, "exp", "nbf", and
// "iss" and "aud" if the options set them. It rejects tokens with the header "crit".
//
// # Expiry
//
// A client whose token expires is disconnected, even if it sends nothing: it receives
// the event `exception` with the code "token_expired", then the close code 4401 on
// plain WebSocket, or a disconnect on Socket.IO. To renew tokens on an open
// connection, set [Options.RefreshWindow] and subscribe [Guard.Refresh]: the client
// receives [TokenExpiring] in time, and sends a new token of the same subject.
//
// Each client with an expiring token has one timer and no goroutine; the timer stops
// when the client disconnects. It uses the monotonic clock: moving the wall clock
// forward does not end sessions early.
//
// A client that reconnects (see socketio.Recovery and ws.Recovery) recovers its session only if its
// token has the same issuer and subject as before. This holds with SkipAdmit too.
//
// # Tokens from browsers
//
// Browsers cannot set headers on a WebSocket. On Socket.IO use `auth`, see [Auth]. On
// plain WebSocket send the token as a subprotocol, see [Subprotocol], or in a cookie,
// see [Cookie]. A source for the URL's query is missing on purpose: URLs end up in
// logs, in histories and in the Referer of other requests.
//
// # What clients see
//
// Errors have the status 401, one of three codes, and the WWW-Authenticate header of
// RFC 6750. They do not reveal which check failed; that is the error's cause, for
// interceptors and filters that log. Neither contains the token.
package jwtauth
