package cors

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"
)

func TestHeaders(t *testing.T) {
	const origin = "https://app.example"
	for _, tt := range []struct {
		name    string
		headers Headers
		method  string
		request map[string]string
		want    http.Header
	}{
		{"same origin", Headers{MaxAge: time.Minute}, "GET", nil, http.Header{"Vary": {"Origin"}}},
		{"request", Headers{MaxAge: time.Minute}, "GET", map[string]string{"Origin": origin}, http.Header{
			"Vary": {"Origin"}, "Access-Control-Allow-Origin": {origin}, "Access-Control-Allow-Credentials": {"true"},
		}},
		{"preflight", Headers{MaxAge: 90 * time.Second, PrivateNetwork: true}, "OPTIONS", map[string]string{
			"Origin": origin, "Access-Control-Request-Headers": "x-token", "Access-Control-Request-Private-Network": "true",
		}, http.Header{
			"Vary": {"Origin", "Access-Control-Request-Headers"}, "Access-Control-Allow-Origin": {origin},
			"Access-Control-Allow-Credentials": {"true"}, "Access-Control-Allow-Methods": {"GET, POST"},
			"Access-Control-Allow-Headers": {"x-token"}, "Access-Control-Max-Age": {"90"}, "Access-Control-Allow-Private-Network": {"true"},
		}},
		{"narrow", Headers{DisableCredentials: true, AllowedHeaders: []string{"a", "b"}}, "OPTIONS", map[string]string{
			"Origin": origin, "Access-Control-Request-Headers": "x-token", "Access-Control-Request-Private-Network": "true",
		}, http.Header{
			"Vary": {"Origin"}, "Access-Control-Allow-Origin": {origin}, "Access-Control-Allow-Methods": {"GET, POST"},
			"Access-Control-Allow-Headers": {"a, b"},
		}},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		for k, v := range tt.request {
			r.Header.Set(k, v)
		}
		got := http.Header{}
		tt.headers.Set(got, r)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		headers Headers
		want    string
	}{
		{Headers{}, ""},
		{Headers{AllowedHeaders: []string{}}, ""},
		{Headers{AllowedHeaders: []string{"X-Token", "authorization"}}, ""},
		{Headers{AllowedHeaders: []string{"*"}, DisableCredentials: true}, ""},
		{Headers{AllowedHeaders: []string{"*"}}, `AllowedHeaders: "*" is the name of a header to browsers, unless Credentials is Off: leave AllowedHeaders nil to allow those that pages ask for`},
		{Headers{AllowedHeaders: []string{"X-A, X-B"}}, `AllowedHeaders: "X-A, X-B" is not the name of a header: list each name on its own`},
		{Headers{AllowedHeaders: []string{""}}, `AllowedHeaders: "" is not the name of a header: list each name on its own`},
	} {
		got := ""
		if err := tt.headers.Check(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.headers, got, tt.want)
		}
	}
}
