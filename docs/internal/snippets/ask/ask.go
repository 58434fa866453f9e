// Package ask sends HTTP requests for the tests of the snippets.
package ask

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Answer is the response to a request.
type Answer struct {
	Status int
	Body   string
	Header http.Header
}

// JSON sends a request with a body of JSON, or none when it is empty. fields are names and
// values of headers in turn.
func JSON(t testing.TB, method, url, body string, fields ...string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.StatusCode, string(b), res.Header}
}

// Want fails the test unless status and body are these.
func (a Answer) Want(t testing.TB, status int, body string) {
	t.Helper()
	if a.Status != status || a.Body != body {
		t.Errorf("got %d %s\nwant %d %s", a.Status, a.Body, status, body)
	}
}

// Field returns a string field of the body, which is an object.
func (a Answer) Field(t testing.TB, name string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.Body), &fields); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	text, _ := fields[name].(string)
	return text
}
