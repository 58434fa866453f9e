package protocol_test

// differences are the intended differences to the reference, by name of the test. Details of
// errors are omitted.
var differences = merged(requestDifferences, packetDifferences)

var requestDifferences = map[string]difference{
	`TestEngineIO/websocket_needs_EIO`: {
		why: "rejected with 400 in the handshake instead of accepted and closed",
		node: `
			ws ?transport=websocket: open
			ws < cut
			ws ?EIO=abc&transport=websocket: open
			ws < cut`,
		ours: `
			ws ?transport=websocket: 400 {"code":5,"message":"Unsupported protocol version"}
			ws ?EIO=abc&transport=websocket: 400 {"code":5,"message":"Unsupported protocol version"}`,
	},
	`TestEngineIO/close_by_websocket`: {
		why: "npm's server ignores the close packet on WebSocket",
		node: `
			ws > 1
			ws works`,
		ours: `
			ws > 1
			ws does not work: closed 1000`,
	},
	`TestEngineIO/no_second_websocket_to_a_websocket_session`: {
		why: "npm's server answers a late probe, ours closes immediately",
		node: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			ws works`,
		ours: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < closed 1008
			ws works`,
	},
	`TestBodies/body_over_the_limit`: {
		why: "its packets are lost, so the session closes as on WebSocket",
		node: `
			POST 42["message","aaaaaa… (1000001 bytes): 413
			polling works`,
		ours: `
			POST 42["message","aaaaaa… (1000001 bytes): 413 {"code":3,"message":"Bad request"}
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}
			left: message too big`,
	},
	`TestBodies/body_over_the_limit,_announced`: {
		why: "its packets are lost, so the session closes as on WebSocket",
		node: `
			POST: 413
			polling works`,
		ours: `
			POST: 413
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}
			left: message too big`,
	},
	`TestBodies/body_over_the_limit,_chunked`: {
		why: "its packets are lost, so the session closes as on WebSocket",
		node: `
			POST chunked: 413
			polling works`,
		ours: `
			POST chunked: 413 {"code":3,"message":"Bad request"}
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}
			left: message too big`,
	},
	`TestHeaders/rejected_method`: {
		why: "the response to a rejected method lists the allowed ones (RFC 9110 §15.5.6), and nothing is cached",
		node: `
			PUT: 400 {Content-Type: application/json}`,
		ours: `
			PUT: 400 {Allow: GET, POST, OPTIONS, Cache-Control: no-store, Content-Type: application/json; charset=utf-8, Vary: Origin}`,
	},
	`TestHeaders/handshake_of_the_own_origin`: {
		why: "responses to an allowed origin have CORS headers",
		node: `
			GET: 200 {Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8}`,
		ours: `
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: http://ADDR, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Vary: Origin}`,
	},
	`TestHeaders/handshake_of_an_invalid_origin`: {
		why: "Go's HTTP server answers",
		node: `
			GET: 400 {}`,
		ours: `
			GET: 400 {Content-Type: text/plain; charset=utf-8}`,
	},
	`TestHeaders/OPTIONS`: {
		why: "preflights are always answered",
		node: `
			OPTIONS: 400 {Content-Type: application/json}`,
		ours: `
			OPTIONS: 204 {Vary: Origin}`,
	},
	`TestHeaders/large_poll_for_a_client_that_accepts_gzip`: {
		why: "compression is off unless HTTPCompression is set",
		node: `
			GET: 200 {Cache-Control: no-store, Content-Encoding: gzip, Content-Type: text/plain; charset=UTF-8}`,
		ours: `
			GET: 200 {Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Vary: Origin}`,
	},
	`TestOrigins/no_origin`: {
		why: "only requests with an Origin get CORS headers",
		node: `
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Set-Cookie: io=ID; HttpOnly; Path=/; SameSite=Lax, Vary: Origin}`,
		ours: `
			GET: 200 {Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Set-Cookie: io=ID; HttpOnly; Path=/; SameSite=Lax, Vary: Origin}`,
	},
	`TestOrigins/preflight`: {
		why: "only the methods of Engine.IO are allowed",
		node: `
			OPTIONS: 204 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Headers: content-type,x-token, Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE, Access-Control-Allow-Origin: https://good.example, Vary: Origin, Access-Control-Request-Headers}`,
		ours: `
			OPTIONS: 204 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Headers: content-type,x-token, Access-Control-Allow-Methods: GET, POST, Access-Control-Allow-Origin: https://good.example, Vary: Origin, Vary: Access-Control-Request-Headers}`,
	},
	`TestOrigins/preflight_for_a_private_network`: {
		why: "only the methods of Engine.IO are allowed, and npm's server does not support private networks",
		node: `
			OPTIONS: 204 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Headers: content-type,x-token, Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE, Access-Control-Allow-Origin: https://good.example, Vary: Origin, Access-Control-Request-Headers}`,
		ours: `
			OPTIONS: 204 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Headers: content-type,x-token, Access-Control-Allow-Methods: GET, POST, Access-Control-Allow-Origin: https://good.example, Access-Control-Allow-Private-Network: true, Vary: Origin, Vary: Access-Control-Request-Headers}`,
	},
	`TestOrigins/handshake_of_a_foreign_origin`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Set-Cookie: io=ID; HttpOnly; Path=/; SameSite=Lax, Vary: Origin}`,
		ours: `
			GET: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/handshake_of_origin_null`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Set-Cookie: io=ID; HttpOnly; Path=/; SameSite=Lax, Vary: Origin}`,
		ours: `
			GET: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/handshake_of_two_origins`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Set-Cookie: io=ID; HttpOnly; Path=/; SameSite=Lax, Vary: Origin}`,
		ours: `
			GET: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/session_of_a_foreign_origin`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			POST: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/html, Vary: Origin}
			GET: 200 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Cache-Control: no-store, Content-Type: text/plain; charset=UTF-8, Vary: Origin}`,
		ours: `
			POST: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}
			GET: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/preflight_of_a_foreign_origin`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			OPTIONS: 204 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Headers: content-type,x-token, Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE, Access-Control-Allow-Origin: https://good.example, Vary: Origin, Access-Control-Request-Headers}`,
		ours: `
			OPTIONS: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/websocket_of_a_foreign_origin`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			websocket: 101 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Vary: Origin}`,
		ours: `
			websocket: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestOrigins/websocket_of_origin_null`: {
		why: "the server rejects foreign origins, not only browsers",
		node: `
			websocket: 101 {Access-Control-Allow-Credentials: true, Access-Control-Allow-Origin: https://good.example, Vary: Origin}`,
		ours: `
			websocket: 403 {Cache-Control: no-store, Content-Type: application/json; charset=utf-8}`,
	},
	`TestHeartbeat/websocket:_no_namespace_any_more`: {
		why: "ConnectTimeout also applies after a connection has left its last namespace",
		node: `
			ws > 41
			the session stays`,
		ours: `
			ws > 41
			ws < closed 1001`,
	},
	`TestRequests/sid_twice`: {
		why: "two sids are ambiguous",
		node: `
			POST ?EIO=4&transport=polling&sid=nope&sid=SID: 200 ok
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}`,
		ours: `
			POST ?EIO=4&transport=polling&sid=nope&sid=SID: 400 {"code":3,"message":"Bad request"}
			polling works`,
	},
	`TestRequests/versions,_websocket`: {
		why: "rejected with 400 in the handshake instead of accepted and cut",
		node: `
			ws ?transport=websocket&EIO=2: open
			ws < cut
			ws ?transport=websocket&EIO=3: open
			ws < cut
			ws ?transport=websocket&EIO=5: open
			ws < cut`,
		ours: `
			ws ?transport=websocket&EIO=2: 400 {"code":5,"message":"Unsupported protocol version"}
			ws ?transport=websocket&EIO=3: 400 {"code":5,"message":"Unsupported protocol version"}
			ws ?transport=websocket&EIO=5: 400 {"code":5,"message":"Unsupported protocol version"}`,
	},
	`TestRequests/another_version_within_a_session`: {
		why: "the version is invalid",
		node: `
			POST ?EIO=3&transport=polling&sid=SID: 400 {"code":3,"message":"Bad request"}
			polling works`,
		ours: `
			POST ?EIO=3&transport=polling&sid=SID: 400 {"code":5,"message":"Unsupported protocol version"}
			polling works`,
	},
	`TestRequests/transports,_websocket`: {
		why: "rejected with 400 in the handshake instead of accepted and closed",
		node: `
			ws ?EIO=4&transport=: 400 Transport unknown
			ws ?EIO=4&transport=webtransport: 400 Transport unknown
			ws ?EIO=4&transport=polling: open
			ws < closed 1005`,
		ours: `
			ws ?EIO=4&transport=: 400 {"code":0,"message":"Transport unknown"}
			ws ?EIO=4&transport=webtransport: 400 {"code":0,"message":"Transport unknown"}
			ws ?EIO=4&transport=polling: 400 {"code":3,"message":"Bad request"}`,
	},
	`TestRequests/JSONP`: {
		why: "JSONP belongs to Engine.IO 3",
		node: `
			GET ?EIO=4&transport=polling&j=0: 200 ___eio[0]("0{\"sid\":\"ID\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");`,
		ours: `
			GET ?EIO=4&transport=polling&j=0: 400 {"code":3,"message":"Bad request"}`,
	},
	`TestRequests/methods_within_a_session`: {
		why: "an unknown method is the client's fault, not the server's",
		node: `
			PUT: 500
			PATCH: 500
			DELETE: 500
			HEAD: 500
			OPTIONS: 500
			polling works`,
		ours: `
			PUT: 405 {"code":2,"message":"Bad handshake method"}
			PATCH: 405 {"code":2,"message":"Bad handshake method"}
			DELETE: 405 {"code":2,"message":"Bad handshake method"}
			HEAD: 405
			OPTIONS: 204
			polling works`,
	},
	`TestRequests/paths`: {
		why: "the path is served with and without a trailing slash, and nothing below it",
		node: `
			GET /socket.io: 404
			GET /socket.io/: 200 0{"sid":"ID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
			GET /socket.io/more: 200 0{"sid":"ID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
			GET /socket.iox: 404
			GET /Socket.io/: 404
			GET //socket.io/: 404`,
		ours: `
			GET /socket.io: 200 0{"sid":"ID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
			GET /socket.io/: 200 0{"sid":"ID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
			GET /socket.io/more: 404
			GET /socket.iox: 404
			GET /Socket.io/: 404
			GET //socket.io/: 404`,
	},
	`TestRequests/invalid_websocket_handshakes`: {
		why: "JSON as everywhere, and 426 without an upgrade",
		node: `
			0: 400 Missing or invalid Sec-WebSocket-Key header
			1: 400 Missing or invalid Sec-WebSocket-Key header
			2: 400 Missing or invalid Sec-WebSocket-Version header
			3: 400 Missing or invalid Sec-WebSocket-Version header
			4: 400 Invalid Upgrade header
			5: 400 {"code":3,"message":"Bad request"}
			POST: 400 Bad handshake method`,
		ours: `
			0: 400 {"code":3,"message":"Bad request"}
			1: 400 {"code":3,"message":"Bad request"}
			2: 400 {"code":3,"message":"Bad request"}
			3: 400 {"code":3,"message":"Bad request"}
			4: 400 {"code":3,"message":"Bad request"}
			5: 426 {"code":3,"message":"Bad request"}
			POST: 400 {"code":2,"message":"Bad handshake method"}`,
	},
	`TestUpgrades/a_session_of_websocket_is_not_upgraded`: {
		why: "npm's server answers a late probe, ours closes immediately",
		node: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < 3probe
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]`,
		ours: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws < closed 1008
			ws > 40
			ws < 40{"sid":"ID"}
			ws < 42["auth",{}]`,
	},
	`TestUpgrades/a_POST_is_half_way_when_the_upgrade_ends`: {
		why: "both abort the POST; ours answers, npm's server does not",
		node: `
			ws works
			POST: 0
			ws works`,
		ours: `
			ws works
			POST: 400
			ws works`,
	},
	`TestUpgrades/a_poll_waits_when_the_upgrade_packet_arrives_immediately`: {
		why: "the session continues, so the poll ends with a noop, not a close packet",
		node: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws > 5
			ws < 3probe
			GET: 200 1
			ws works`,
		ours: `
			ws ?EIO=4&transport=websocket&sid=SID: open
			ws > 2probe
			ws > 5
			ws < 3probe
			GET: 200 6
			ws works`,
	},
	`TestRequests/methods_without_sid`: {
		why: "preflights are always answered, and unknown methods by Engine.IO",
		node: `
			POST ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			PUT ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			PATCH ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			DELETE ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			HEAD ?EIO=4&transport=polling: 400
			OPTIONS ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			BREW ?EIO=4&transport=polling: 400`,
		ours: `
			POST ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			PUT ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			PATCH ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			DELETE ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}
			HEAD ?EIO=4&transport=polling: 400
			OPTIONS ?EIO=4&transport=polling: 204
			BREW ?EIO=4&transport=polling: 400 {"code":2,"message":"Bad handshake method"}`,
	},
}
