package pipeline_test

import (
	"fmt"
	"testing"
)

// answered is a failing request: the answer of NestJS 12, our answer, and why they differ.
type answered struct {
	thrown       string
	method, path string
	body         string
	nest, ours   string
	why          string
	status       [2]int // of NestJS, and ours; 0: the same
}

const (
	whyErrorKey  = "the key error is always there, for clients that know one form"
	whyCode      = "programs read codes, not messages"
	whyDetails   = "message is text always; the list is in details"
	whyNoParser  = "the error has the place, not the parser's text"
	nestInternal = `{"statusCode":500,"message":"Internal server error"}`
	ourInternal  = `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`
)

var requests = []answered{
	{
		thrown: "BadRequestException('boom')", path: "text", status: [2]int{400},
		nest: `{"message":"boom","error":"Bad Request","statusCode":400}`, ours: `{"statusCode":400,"message":"boom","error":"Bad Request"}`,
	},
	{
		thrown: "HttpException('boom', 403)", path: "forbidden", status: [2]int{403},
		nest: `{"statusCode":403,"message":"boom"}`, ours: `{"statusCode":403,"message":"boom","error":"Forbidden"}`, why: whyErrorKey,
	},
	{
		thrown: "HttpException('gone', 410)", path: "gone", status: [2]int{410},
		nest: `{"statusCode":410,"message":"gone"}`, ours: `{"statusCode":410,"message":"gone","error":"Gone"}`, why: whyErrorKey,
	},
	{
		thrown: "NotFoundException()", path: "missing", status: [2]int{404},
		nest: `{"message":"Not Found","statusCode":404}`, ours: `{"statusCode":404,"message":"Not Found","error":"Not Found"}`, why: whyErrorKey,
	},
	{thrown: "an object: HttpException({…}, 400)", path: "object", status: [2]int{400}, nest: `{"code":7}`, ours: `{"code":7}`},
	{
		thrown: "a guard says no", path: "denied", status: [2]int{403},
		nest: `{"message":"Forbidden resource","error":"Forbidden","statusCode":403}`, ours: deniedRequest[4:], why: whyCode,
	},
	{thrown: "an unknown error", path: "unknown", status: [2]int{500}, nest: nestInternal, ours: ourInternal, why: whyErrorKey},
	{thrown: "an unknown error with a status", path: "status", status: [2]int{500}, nest: nestInternal, ours: ourInternal, why: whyErrorKey},
	{thrown: "a panic: throw of anything", path: "panic", status: [2]int{500}, nest: nestInternal, ours: ourInternal, why: whyErrorKey},
	{
		thrown: "an error of messages: WsException('boom')", path: "text", status: [2]int{500, 400},
		nest: nestInternal, ours: `{"statusCode":400,"message":"boom","error":"Bad Request"}`, why: whyOneError,
	},
	{
		thrown: "Validate() of the body", path: "validated", body: `{"text":""}`, status: [2]int{400},
		nest: `{"message":["text should not be empty"],"error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad payload: text is required","error":"Bad Request","code":"bad_payload"}`, why: whyDetails,
	},
	{
		thrown: "rules of the body: ValidationPipe", path: "tagged", body: `{"text":"much too long"}`, status: [2]int{400},
		nest: `{"message":["text must be shorter than or equal to 5 characters"],"error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad payload: text may have at most 5 characters","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"text","rule":"max","param":"5","message":"may have at most 5 characters"}]}`, why: whyDetails,
	},
	{
		thrown: "a pipe of one type", path: "piped", body: `{"room":"cellar"}`, status: [2]int{400},
		nest: `{"message":"Validation failed (room is expected)","error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad payload: room is no room","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"room","rule":"room","message":"is no room"}]}`, why: whyDetails,
	},
	{
		thrown: "a parameter of another type: ParseIntPipe", method: "GET", path: "number/seven", status: [2]int{400},
		nest: `{"message":"Validation failed (numeric string is expected)","error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad payload: n must be a number","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"n","rule":"type","message":"must be a number"}]}`, why: whyDetails,
	},
	{
		thrown: "JSON of another type", path: "validated", body: `{"text":["a"]}`, status: [2]int{400},
		nest: `{"message":["text must be a string"],"error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad body: text must be a string, not an array","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"text","rule":"type","message":"must be a string"}]}`, why: whyDetails,
	},
	{
		thrown: "a name that is there twice", path: "validated", body: `{"text":"a","text":"b"}`, status: [2]int{201, 400},
		nest: `"b"`, ours: `{"statusCode":400,"message":"Bad body: text appears twice","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"text","rule":"duplicate","message":"appears twice"}]}`,
		why: "guards and proxies must read the same value as the handler; JavaScript silently uses the last one",
	},
	{
		thrown: "a body that is not JSON", path: "validated", body: `{text`, status: [2]int{400},
		nest: `{"message":"Expected property name or '}' in JSON at position 1 (line 1 column 2)","error":"Bad Request","statusCode":400}`,
		ours: `{"statusCode":400,"message":"Bad body: not valid JSON","error":"Bad Request","code":"bad_payload",` +
			`"details":[{"field":"","rule":"syntax","message":"is not valid JSON"}]}`, why: whyNoParser,
	},
	{
		thrown: "a filter handles it", path: "caught", status: [2]int{0, 404},
		nest: "", ours: `{"statusCode":404,"message":"No such article","error":"Not Found","code":"no_article"}`,
		why: "a filter returns the error for the client; in NestJS it must answer itself",
	},
	{
		thrown: "a filter fails", path: "uncaught", status: [2]int{0, 500},
		nest: "", ours: ourInternal, why: "the client is answered whatever a filter does",
	},
	{
		thrown: "no route", method: "GET", path: "nowhere", status: [2]int{404},
		nest: `{"message":"Cannot GET /api/nowhere","error":"Not Found","statusCode":404}`,
		ours: `{"statusCode":404,"message":"Cannot GET /api/nowhere","error":"Not Found"}`,
	},
	{
		thrown: "another method than the route's", method: "DELETE", path: "text", status: [2]int{404, 405},
		nest: `{"message":"Cannot DELETE /api/text","error":"Not Found","statusCode":404}`,
		ours: `{"statusCode":405,"message":"Cannot DELETE /api/text","error":"Method Not Allowed"}`,
		why:  "405 with Allow is what HTTP has for it (RFC 9110 §15.5.6)",
	},
}

func TestErrorsOfRequests(t *testing.T) {
	h := newFailingApp(t)
	for _, a := range requests {
		t.Run(a.thrown, func(t *testing.T) {
			if a.method == "" {
				a.method = "POST"
			}
			if a.status[1] == 0 {
				a.status[1] = a.status[0]
			}
			if wrong := checkDifference(a.nest, a.ours, a.why); wrong != "" {
				t.Errorf("the answer %s", wrong)
			}
			if a.status[0] != a.status[1] && a.why == "" {
				t.Error("the status differs from NestJS, and the table has no reason")
			}
			v := &attempt{t: t, h: h}
			got := v.route(a.method, "/api/"+a.path, a.body)
			compare(t, "HTTP", got, fmt.Sprintf("%d %s", a.status[1], a.ours))
		})
	}
}
