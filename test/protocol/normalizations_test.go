package protocol_test

import "regexp"

// wordings are differences that are found everywhere. What is found in the
// transcripts of node, ours, or both, is replaced before they are compared.
var wordings = []struct {
	why        string
	node, ours bool
	found      *regexp.Regexp
	common     string
}{
	{
		"ours tells what is wrong with a request",
		false, true, details, "",
	},
	{
		"ours refuses a websocket with JSON, as it does polling; npm's with a text",
		false, true, regexp.MustCompile(`(?m)^(ws \S+: 400) \{"code":\d,"message":"([^"]*)"\}$`), "$1 $2",
	},
	{
		"ours refuses a request within a session with JSON; npm's without a body",
		true, true, regexp.MustCompile(` (400|413) \{"code":3,"message":"Bad request"\}`), " $1",
	},
	{
		"ours closes a websocket with the code that fits (see TestCloseCodes); npm's without one",
		true, true, regexp.MustCompile(`closed (1000|1001|1002|1005|1008)`), "closed",
	},
	{
		"npm's server tells the application of a forced close where the client sent what is no packet",
		true, false, regexp.MustCompile(`left: forced (server )?close`), "left: parse error",
	},
	{
		"npm's server answers ok to a POST that ends the session, the official suite wants 400",
		true, false, regexp.MustCompile(`(?m)^(POST.*): 200 ok\n((?:polling does not work: POST 400 .*\n)?left: (?:parse|transport) error)`), "$1: 400\n$2",
	},
	{
		"the same where a poll waits",
		true, false, regexp.MustCompile(`(?m)^(POST .*): 200 ok\nGET: 200 1\ngone`), "$1: 400\nGET: 200 1\ngone",
	},
	{
		"the same where no poll waits: npm's server keeps the session for 30 s, for the next poll to close it",
		true, false, regexp.MustCompile(`(?m)^(POST .*): 200 ok\nGET: 200 6␞1\ngone`), "$1: 400\nGET: 400 {\"code\":1,\"message\":\"Session ID unknown\"}\ngone",
	},
	{
		"npm's server cuts the POST that is under way when the session ends; ours answers it",
		true, false, regexp.MustCompile(`(?m)^(first )?POST: cut$`), `${1}POST: 400 {"code":1,"message":"Session ID unknown"}`,
	},
	{
		"ours looks at the origin always, and says so",
		true, true, regexp.MustCompile(`(?:, |\b)Vary: Origin(?:, (?:Vary: )?Access-Control-Request-Headers)?`), "",
	},
	{
		"refusals of ours are not to be kept by caches",
		false, true, regexp.MustCompile(`Cache-Control: no-store, (Content-Type: application/json); charset=utf-8`), "$1",
	},
	{
		"text/html for an ok is for browsers that nobody has any more",
		true, false, regexp.MustCompile(`(?m)^(POST: .*)Content-Type: text/html\b`), "${1}Content-Type: text/plain; charset=UTF-8",
	},
}

var details = regexp.MustCompile(`,"details":"(\\.|[^"\\])*"`)
