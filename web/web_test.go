package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/web"
)

type notes struct{}

type note struct {
	Text string `json:"text"`
	Size int    `json:"size"`
}

func (notes) Routes(r chi.Router) {
	r.Get("/notes", func(w http.ResponseWriter, _ *http.Request) {
		_ = web.WriteJSON(w, http.StatusOK, []note{{"a", 1}})
	})
	r.Post("/notes", func(w http.ResponseWriter, r *http.Request) {
		in, err := web.ReadJSON[note](w, r, 40)
		if err != nil {
			web.Fail(w, err)
			return
		}
		_ = web.WriteJSON(w, http.StatusCreated, in)
	})
	r.Delete("/notes/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
}

func do(method, path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	web.NewRouter([]web.Controller{notes{}}).ServeHTTP(w, r)
	return w
}

func TestRouter(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
		allow, body  string
	}{
		{"GET", "/notes", 200, "", `[{"text":"a","size":1}]`},
		{"HEAD", "/notes", 200, "", `[{"text":"a","size":1}]`}, // net/http leaves out the body
		{"DELETE", "/notes/a%2Fb", 204, "", ``},
		{"GET", "/none", 404, "", `{"statusCode":404,"message":"Cannot GET /none","error":"Not Found"}`},
		{"PUT", "/notes", 405, "GET, POST, HEAD", `{"statusCode":405,"message":"Cannot PUT /notes","error":"Method Not Allowed"}`},
		{"GET", "/notes/a%2Fb", 405, "DELETE", `{"statusCode":405,"message":"Cannot GET /notes/a/b","error":"Method Not Allowed"}`},
	} {
		w := do(tt.method, tt.path, "", "")
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || w.Body.String() != tt.body {
			t.Errorf("%s %s: %d, Allow %q, %s", tt.method, tt.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
		if tt.body != "" && w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s %s: Content-Type %q", tt.method, tt.path, w.Header().Get("Content-Type"))
		}
	}
}

func TestReadJSON(t *testing.T) {
	const js = "application/json"
	for _, tt := range []struct {
		contentType, body string
		status            int
		answer            string
	}{
		{js, `{"text":"b","size":2}`, 201, `{"text":"b","size":2}`},
		{"application/vnd.note+json; charset=utf-8", `{}`, 201, `{"text":"","size":0}`},
		{"", `{}`, 415, `The Content-Type must be application/json`},
		{"text/plain", `{}`, 415, `The Content-Type must be application/json`},
		{js, ``, 400, `Bad body: not valid JSON`},
		{js, `{} {}`, 400, `Bad body: not valid JSON`},
		{js, `{"size":"x"}`, 400, `Bad body: size has the wrong type or value`},
		{js, `[]`, 400, `Bad body: it has the wrong type`},
		{js, `{"text":"` + strings.Repeat("x", 40) + `"}`, 413, `The body is larger than 40 bytes`},
	} {
		w := do("POST", "/notes", tt.contentType, tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.answer) {
			t.Errorf("%s %s: %d %s", tt.contentType, tt.body, w.Code, w.Body)
		}
	}
}

func TestFail(t *testing.T) {
	hidden := errors.New("the disk is full")
	for _, tt := range []struct {
		err    error
		status int
		body   string
	}{
		{hidden, 500, `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`},
		{fmt.Errorf("save: %w", &web.Error{Status: 409, Message: "Taken", Err: hidden}), 409,
			`{"statusCode":409,"message":"Taken","error":"Conflict"}`},
		{&web.Error{Message: "no status"}, 500, `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`},
	} {
		w := httptest.NewRecorder()
		web.Fail(w, tt.err)
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%v: %d %s", tt.err, w.Code, w.Body)
		}
	}
	err := error(&web.Error{Status: 409, Message: "Taken", Err: hidden})
	if err.Error() != "Taken: the disk is full" || !errors.Is(err, hidden) {
		t.Errorf("got %v", err)
	}
}

func TestWriteJSONThatDoesNotEncode(t *testing.T) {
	w := httptest.NewRecorder()
	if err := web.WriteJSON(w, http.StatusOK, make(chan int)); err == nil || w.Code != http.StatusInternalServerError {
		t.Errorf("got %v, %d", err, w.Code)
	}
}
