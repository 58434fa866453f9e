package protocol_test

import "regexp"

// normalizations are differences that occur everywhere. Matches in transcripts of node, ours, or
// both are replaced before the comparison.
var normalizations = []struct {
	why        string
	node, ours bool
	found      *regexp.Regexp
	common     string
}{
	{
		"ours describes the error of a request",
		false, true, details, "",
	},
	{
		"ours rejects a websocket with JSON, like polling; npm's with text",
		false, true, regexp.MustCompile(`(?m)^(ws \S+: 400) \{"code":\d,"message":"([^"]*)"\}$`), "$1 $2",
	},
	{
		"ours rejects a request of a session with JSON; npm's without a body",
		true, true, regexp.MustCompile(` (400|413) \{"code":3,"message":"Bad request"\}`), " $1",
	},
	{
		"ours closes a websocket with a specific code (see TestCloseCodes); npm's without one",
		true, true, regexp.MustCompile(`closed (1000|1001|1002|1005|1008)`), "closed",
	},
	{
		"npm's server reports a forced close if the client sent an invalid packet",
		true, false, regexp.MustCompile(`left: forced (server )?close`), "left: parse error",
	},
	{
		"npm's server answers ok to a POST that ends the session, the official suite expects 400",
		true, false, regexp.MustCompile(`(?m)^(POST.*): 200 ok\n((?:polling does not work: POST 400 .*\n)?left: (?:parse|transport) error)`), "$1: 400\n$2",
	},
	{
		"the same with a waiting poll",
		true, false, regexp.MustCompile(`(?m)^(POST .*): 200 ok\nGET: 200 1\ngone`), "$1: 400\nGET: 200 1\ngone",
	},
	{
		"the same without a waiting poll: npm's server sends a noop before the close packet",
		true, false, regexp.MustCompile(`(?m)^(POST .*): 200 ok\nGET: 200 6␞1\ngone`), "$1: 400\nGET: 200 1\ngone",
	},
	{
		"npm's server drops a POST in progress when the session closes; ours answers it",
		true, false, regexp.MustCompile(`(?m)^(first )?POST: cut$`), `${1}POST: 400 {"code":1,"message":"Session ID unknown"}`,
	},
	{
		"ours always checks the origin, and adds Vary",
		true, true, regexp.MustCompile(`(?:, |\b)Vary: Origin(?:, (?:Vary: )?Access-Control-Request-Headers)?`), "",
	},
	{
		"our error responses must not be cached",
		false, true, regexp.MustCompile(`Cache-Control: no-store, (Content-Type: application/json); charset=utf-8`), "$1",
	},
	{
		"text/html for ok is for obsolete browsers",
		true, false, regexp.MustCompile(`(?m)^(POST: .*)Content-Type: text/html\b`), "${1}Content-Type: text/plain; charset=UTF-8",
	},
}

var details = regexp.MustCompile(`,"details":"(\\.|[^"\\])*"`)
