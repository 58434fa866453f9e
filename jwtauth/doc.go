// Package jwtauth has a guard that lets in who has a JSON Web Token (RFC 7519). One
// value of it serves HTTP routes, connections before their handshake is accepted,
// and messages.
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
// Make one guard and inject it, as here: what one guard has stored, another does
// not find. A guard of your own that asks this one, with exceptions, should keep it
// in a field: embedded, it would answer CheckHandshake without them.
//
// # When it looks
//
// A request to a route has its token verified each time. A client has it verified
// once: with the request that opens its connection when the guard is bound to the
// application and the request has the token, otherwise when it connects; of its messages only the time is compared. A guard that
// is bound to a handler alone verifies the token of the handshake at the first
// message.
//
// Looked at are the signature, by the one method of the options, "exp", "nbf", and what
// the options say of "iss" and "aud". A token with the header "crit" is refused.
//
// # The end of a token
//
// A client whose token ends is told so and disconnected, whether it sends anything
// or not: it gets the event `exception` with the code "token_expired", then the
// close code 4401 on plain WebSocket and a disconnect on Socket.IO. To let it stay,
// set [Options.RefreshWindow], and subscribe [Guard.Refresh]: the client then gets
// [TokenExpiring] in time, and hands in a new token of the same subject.
//
// Waiting for the end takes one timer for each client, and no goroutine. It is
// stopped when the client leaves. It counts real time, not the clock of the wall:
// when that is set forward, a client that only listens stays for longer.
//
// A client that comes back, see socketio.Recovery, is recovered only when its token
// has the issuer and the subject of before; with SkipAdmit too, where this guard is
// asked all the same.
//
// # Tokens from browsers
//
// Pages cannot set headers on a WebSocket. Socket.IO has `auth`, see [Auth]. On plain
// WebSocket send the token as a subprotocol, see [Subprotocol], or use a cookie,
// see [Cookie]. There is no source for the URL's query on purpose: URLs end up in
// logs, in histories and in the Referer of other requests.
//
// # What clients are told
//
// Refusals have the status 401, one of three codes, and WWW-Authenticate of RFC 6750.
// Which check a token has failed is not told; it is the error's cause, for
// interceptors and filters that log. Neither has the token in it.
package jwtauth
