// Package ratelimit has guards that refuse what comes too often.
//
//	app.UseGuards(
//		ratelimit.Connections(1, 20),  // per address: one a second, 20 at once
//		ratelimit.Requests(10, 50),    // per address
//	)
//	websockets.Gateway(NewGateway, websockets.UseGuards(
//		ratelimit.Messages(20, 40),        // per connection
//		ratelimit.Bytes(64<<10, 256<<10),  // per connection
//	))
//
// Each is a token bucket of golang.org/x/time/rate: limit is how many a second, in
// the long run; burst is how many at once after a pause. A burst below 1 stands for
// one second's worth, at least 1. A limit of 0 or less gives the burst once and
// nothing after it, [rate.Inf] refuses nothing. What is refused takes nothing from
// the bucket, so a client that goes on trying is let in as soon as one that waits.
//
// What is refused gets an [*pipeline.Error] with the code [CodeRateLimited], the
// status 429, a header Retry-After, and [Details].
//
// A guard value is one set of buckets. Bound in two places, it counts in both: of
// several gateways of one endpoint, each asks the guards that are bound to it when a
// client connects, and each takes a token. Guards of the application are asked once
// for such an endpoint, unless its gateways carry metadata. [Connections], bound to the
// application, counts the request that opens a connection, and each namespace that is
// entered after the first.
//
// Guards may be used by many goroutines at once. They have no goroutine of their
// own, and what they remember is bounded; see [MaxKeys].
package ratelimit
