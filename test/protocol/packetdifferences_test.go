package protocol_test

var packetDifferences = map[string]difference{
	`TestBadPackets/42_["message",1]`: {
		why: "npm's parser reads the space as an ack id",
		node: `
			ws > 42 ["message",1]
			ws < 420["message-back",1]
			ws works`,
		ours: `
			ws > 42 ["message",1]
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/4299999999999999999999["message-with-ack",1]`: {
		why: "JavaScript numbers cannot hold the ack id",
		node: `
			ws > 4299999999999999999999["message-with-ack",1]
			ws < 43100000000000000000000[1]
			ws works`,
		ours: `
			ws > 4299999999999999999999["message-with-ack",1]
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/429007199254740993["message-with-ack",1]`: {
		why: "JavaScript numbers cannot hold the ack id",
		node: `
			ws > 429007199254740993["message-with-ack",1]
			ws < 439007199254740992[1]
			ws works`,
		ours: `
			ws > 429007199254740993["message-with-ack",1]
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/43["x"]`: {
		why: "an ACK has an id and an array",
		node: `
			ws > 43["x"]
			ws works`,
		ours: `
			ws > 43["x"]
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/4399`: {
		why: "an ACK has an id and an array",
		node: `
			ws > 4399
			ws works`,
		ours: `
			ws > 4399
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/answered:_40/custom,5`: {
		why: "a CONNECT has no ack id",
		node: `
			ws > 40/custom,5
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]
			ws works`,
		ours: `
			ws > 40/custom,5
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/answered:_40/custom,_{}`: {
		why: "JSON starts immediately after the comma",
		node: `
			ws > 40/custom, {}
			ws < 40/custom,{"sid":"ID"}
			ws < 42/custom,["auth",{}]
			ws works`,
		ours: `
			ws > 40/custom, {}
			ws < closed 1002
			left: parse error`,
	},
	`TestBadPackets/answered:_40/nnnnnnnnnnnnnnnnn…_(604_bytes)`: {
		why: "the length of namespaces is limited",
		node: `
			ws > 40/nnnnnnnnnnnnnnnnn… (604 bytes)
			ws < 44/nnnnnnnnnnnnnnnnn… (635 bytes)
			ws works`,
		ours: `
			ws > 40/nnnnnnnnnnnnnnnnn… (604 bytes)
			ws < closed 1002
			left: parse error`,
	},
	`TestAttachments/unused_attachment`: {
		why: "each attachment needs exactly one placeholder",
		node: `
			ws > 451-["message",1]
			ws > <01>
			ws < 42["message-back",1]
			ws works`,
		ours: `
			ws > 451-["message",1]
			ws > <01>
			ws < closed 1002
			left: parse error`,
	},
	`TestAttachments/the_same_attachment_twice`: {
		why: "each attachment needs exactly one placeholder",
		node: `
			ws > 451-["message",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]
			ws > <01>
			ws < 452-["message-back",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]
			ws < <01>
			ws < <01>
			ws works`,
		ours: `
			ws > 451-["message",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]]
			ws > <01>
			ws < closed 1002
			left: parse error`,
	},
	`TestAttachments/attachments_in_another_order`: {
		why: "payloads keep their placeholders; the client decodes the same value",
		node: `
			ws > 452-["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]
			ws > <01>
			ws > <02>
			ws < 452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]
			ws < <02>
			ws < <01>
			ws works`,
		ours: `
			ws > 452-["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]
			ws > <01>
			ws > <02>
			ws < 452-["message-back",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]
			ws < <01>
			ws < <02>
			ws works`,
	},
	`TestAttachments/placeholder_with_a_fraction`: {
		why: "each attachment needs exactly one placeholder",
		node: `
			ws > 451-["message",{"_placeholder":true,"num":0.5}]
			ws > <01>
			ws < 42["message-back",null]
			ws works`,
		ours: `
			ws > 451-["message",{"_placeholder":true,"num":0.5}]
			ws > <01>
			ws < closed 1002
			left: parse error`,
	},
	`TestAttachments/placeholder_that_is_false`: {
		why: "each attachment needs exactly one placeholder",
		node: `
			ws > 451-["message",{"_placeholder":false,"num":0}]
			ws > <01>
			ws < 42["message-back",{"_placeholder":false,"num":0}]
			ws works`,
		ours: `
			ws > 451-["message",{"_placeholder":false,"num":0}]
			ws > <01>
			ws < closed 1002
			left: parse error`,
	},
	`TestAttachments/placeholder_with_more_in_it`: {
		why: "payloads keep their placeholders; the client decodes the same value",
		node: `
			ws > 451-["message",{"_placeholder":true,"num":0,"x":1}]
			ws > <01>
			ws < 451-["message-back",{"_placeholder":true,"num":0}]
			ws < <01>
			ws works`,
		ours: `
			ws > 451-["message",{"_placeholder":true,"num":0,"x":1}]
			ws > <01>
			ws < 451-["message-back",{"_placeholder":true,"num":0,"x":1}]
			ws < <01>
			ws works`,
	},
	`TestBodies/compressed_body`: {
		why: "no client compresses polling bodies; npm's server reads them as text",
		node: `
			POST gzip: 200 ok
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}
			left: parse error`,
		ours: `
			POST gzip: 415 {"code":3,"message":"Bad request"}
			polling works`,
	},
	`TestBodies/compressed_body_that_is_large_inside`: {
		why: "no client compresses polling bodies; npm's server reads them as text",
		node: `
			POST gzip: 200 ok
			polling does not work: POST 400 {"code":1,"message":"Session ID unknown"}
			left: parse error`,
		ours: `
			POST gzip: 415 {"code":3,"message":"Bad request"}
			polling works`,
	},
	`TestBodies/bad_base64`: {
		why: "base64 is that of RFC 4648 with padding, as clients send it; npm's server skips invalid characters",
		node: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞b!!!: 200 ok
			poll < 451-["message-back",{"_placeholder":true,"num":0}] | b`,
		ours: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞b!!!: 400 {"code":3,"message":"Bad request"}
			poll < 400 {"code":1,"message":"Session ID unknown"}`,
	},
	`TestBodies/base64_without_padding`: {
		why: "base64 is that of RFC 4648 with padding, as clients send it; npm's server skips invalid characters",
		node: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞bAQIDBA: 200 ok
			poll < 451-["message-back",{"_placeholder":true,"num":0}] | bAQIDBA==`,
		ours: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞bAQIDBA: 400 {"code":3,"message":"Bad request"}
			poll < 400 {"code":1,"message":"Session ID unknown"}`,
	},
	`TestBodies/base64_of_URLs`: {
		why: "base64 is that of RFC 4648 with padding, as clients send it; npm's server skips invalid characters",
		node: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞b-_-_: 200 ok
			poll < 451-["message-back",{"_placeholder":true,"num":0}] | b+/+/`,
		ours: `
			POST 451-["message",{"_placeholder":true,"num":0}]␞b-_-_: 400 {"code":3,"message":"Bad request"}
			poll < 400 {"code":1,"message":"Session ID unknown"}`,
	},
	`TestBodies/invalid_UTF-8`: {
		why: "the specification requires UTF-8; npm's server replaces invalid bytes",
		node: `
			POST: 200 ok
			poll < ["42[\"message-back\",\"\ufffd\"]"]`,
		ours: `
			POST: 400 {"code":3,"message":"Bad request"}
			poll < ["400 {\"code\":1,\"message\":\"Session ID unknown\"}"]`,
	},
	`TestFrames/invalid_UTF-8`: {
		why: "the cause is the client's data, not the network",
		node: `
			ws > 42["message","?"]
			ws < closed 1007
			left: transport error`,
		ours: `
			ws > 42["message","?"]
			ws < closed 1007
			left: parse error`,
	},
	`TestFrames/half_a_character`: {
		why: "the cause is the client's data, not the network",
		node: `
			ws > 42["message","?"]
			ws < closed 1007
			left: transport error`,
		ours: `
			ws > 42["message","?"]
			ws < closed 1007
			left: parse error`,
	},
	`TestFrames/message_over_the_limit`: {
		why: "the cause has its own name",
		node: `
			ws > 42["unused","aaaaaaa… (1000001 bytes)
			ws < closed 1009
			left: transport error`,
		ours: `
			ws > 42["unused","aaaaaaa… (1000001 bytes)
			ws < closed 1009
			left: message too big`,
	},
	`TestFrames/attachment_over_the_limit`: {
		why: "the cause has its own name",
		node: `
			ws > 451-["unused",{"_placeholder":true,"num":0}]
			ws < closed 1009
			left: transport error`,
		ours: `
			ws > 451-["unused",{"_placeholder":true,"num":0}]
			ws < closed 1009
			left: message too big`,
	},
	`TestFrames/nested_400,000_times`: {
		why: "the depth of JSON is limited",
		node: `
			ws > 42["unused",[[[[[[[[… (800013 bytes)
			ws works`,
		ours: `
			ws > 42["unused",[[[[[[[[… (800013 bytes)
			ws < closed 1002
			left: parse error`,
	},
	`TestSocketIO/no_payload`: {
		why: "the payload is mandatory; npm's server ignores the packet",
		node: `
			ws > 42
			ws works`,
		ours: `
			ws > 42
			ws < closed 1002
			left: parse error`,
	},
}
