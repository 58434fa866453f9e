// Package ratelimit provides guards that limit the rate of connections, requests and
// messages.
//
//	app.UseGuards(
//		ratelimit.Connections(1, 20),  // per address: one a second, bursts of 20
//		ratelimit.Requests(10, 50),    // per address
//	)
//	websockets.Gateway(NewGateway, websockets.UseGuards(
//		ratelimit.Messages(20, 40),        // per connection
//		ratelimit.Bytes(64<<10, 256<<10),  // per connection
//	))
//
// Each guard uses token buckets of golang.org/x/time/rate: limit is the sustained rate
// per second, burst the number of calls at once after a pause. A burst below 1 means
// one second's worth, at least 1. A limit of 0 or less allows the burst once and
// nothing after it; [rate.Inf] allows everything. A rejected call takes no token, so
// retrying does not prolong the wait.
//
// A rejected call returns a [*pipeline.Error] with the code [CodeRateLimited], the
// status 429, a header Retry-After, and [Details].
//
// Each guard value has its own buckets. A guard bound in two places counts in both: if
// several gateways share an endpoint, each runs its guards when a client connects, and
// each takes a token. Guards of the application run once for such an endpoint, unless
// its gateways have metadata. [Connections], bound to the application, counts the
// handshake request and every further namespace that the connection enters.
//
// Guards are safe for concurrent use. They start no goroutines, and their memory is
// bounded; see [MaxKeys].
package ratelimit
