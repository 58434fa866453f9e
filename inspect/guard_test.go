package inspect

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// attempt is one combination of TestEveryRequestIsChecked.
type attempt struct{ host, origin, site, peer, kind, token string }

// wants returns the code of the refusal; empty if the request is allowed.
func (a attempt) wants() string {
	switch {
	case !slices.Contains([]string{"localhost", "127.0.0.1", "[::1]", "localhost:3000", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "dev.example.com:3000"}, a.host):
		return codeHost
	case a.origin != "none" && a.origin != "http://"+a.host:
		return codeOrigin
	case a.site == "cross-site" || a.site == "same-site":
		return codeOrigin
	case a.peer != "127.0.0.1:5000" && a.peer != "[::1]:5000":
		return codeRemote
	case a.kind != "page" && a.token != "good":
		return codeToken
	}
	return ""
}

func (a attempt) request(t *testing.T, cookie, old string) *http.Request {
	t.Helper()
	method, path := http.MethodGet, "/inspect/api/stats"
	switch a.kind {
	case "page":
		path = "/inspect/"
	case "post":
		method, path = http.MethodPost, "/inspect/api/clients/x/disconnect"
	case "upgrade":
		path = "/inspect/live"
	}
	token := map[string]string{"good": cookie, "wrong": strings.Repeat("A", len(cookie)), "old": old, "none": ""}[a.token]
	var body io.Reader = http.NoBody
	if method == http.MethodPost {
		body = strings.NewReader(`{}`)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:3000"+path, body)
	r.Host, r.RemoteAddr = a.host, a.peer
	r.Header.Set("Content-Type", "application/json")
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host"} {
		if a.peer == name {
			r.RemoteAddr = "127.0.0.1:5000"
			r.Header.Set(name, "for=127.0.0.1")
		}
	}
	if a.origin != "none" {
		r.Header["Origin"] = []string{a.origin}
	}
	if a.site != "" {
		r.Header.Set("Sec-Fetch-Site", a.site)
	}
	if token != "" {
		r.Header.Set("Cookie", cookieName(a.host)+"="+token)
	}
	if a.kind == "upgrade" {
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			r.Header.Set(name, value)
		}
	}
	return r
}

// Every combination of host, origin, site, peer, kind of request and token: 403 with the code of the first rule that it breaks,
// and allowed only if it breaks none.
func TestEveryRequestIsChecked(t *testing.T) {
	x := inspect(t, Options{Hosts: []string{"dev.example.com"}})
	other := inspect(t, Options{})
	handler := x.App.App().Handler()
	_, cookie, _ := strings.Cut(x.jar, "=")
	_, old, _ := strings.Cut(other.jar, "=") // of another start
	n, allowed, wrong := 0, 0, 0
	hosts := []string{"localhost:3000", "LOCALHOST:3000", "localhost", "127.0.0.1:3000", "[::1]:3000", "dev.example.com:3000", "evil.example:3000", "evil.example", "2130706433", "localhost.evil.example", "localhost:x", "127.0.0.1.", ""}
	for _, host := range hosts {
		for _, origin := range []string{"none", "http://" + host, "https://" + host, "http://evil.example", "null", "", "http://localhost:9999", "http://localhost:3000/"} {
			for _, site := range []string{"", "none", "same-origin", "same-site", "cross-site"} {
				for _, peer := range []string{"127.0.0.1:5000", "[::1]:5000", "192.0.2.1:5000", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded"} {
					for _, kind := range []string{"page", "get", "post", "upgrade"} {
						for _, token := range []string{"good", "none", "wrong", "old"} {
							a := attempt{host, origin, site, peer, kind, token}
							w := httptest.NewRecorder()
							handler.ServeHTTP(w, a.request(t, cookie, old))
							n++
							if a.wants() == "" {
								allowed++
							}
							if got := codeOf(w); got != a.wants() {
								wrong++
								t.Logf("%+v: %d, code %q; want %q: %s", a, w.Code, got, a.wants(), w.Body)
							}
							if wrong > 10 {
								t.Fatal("and so on")
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations, %d allowed", n, allowed)
	if wrong > 0 || allowed == 0 {
		t.Errorf("%d combinations are not answered as they should be", wrong)
	}
	for _, want := range []string{`inspect.Options{Hosts: []string{\"evil.example:3000\"}}`, "inspect.Options{Guard: …}", "code=inspect_origin", "code=inspect_token"} {
		if !strings.Contains(x.log.String(), want) {
			t.Errorf("the log has no %s: %s", want, x.log)
		}
	}
}

// codeOf returns the code of a refusal; empty for other responses, whatever their status.
func codeOf(w *httptest.ResponseRecorder) string {
	if w.Code != http.StatusForbidden {
		return ""
	}
	var body struct{ Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		return err.Error()
	}
	return body.Code
}

func TestSession(t *testing.T) {
	x := inspect(t, Options{})
	jar := x.jar
	x.jar = ""
	for _, body := range []string{`{"token":"wrong"}`, `{"token":""}`, `{}`, `{"token":"` + x.token + `x"}`} {
		if res := x.do(http.MethodPost, "/inspect/session", body); res.status != http.StatusForbidden || !strings.Contains(res.body, codeToken) || len(res.cookies) > 0 {
			t.Errorf("%s: %d %s", body, res.status, res.body)
		}
	}
	res := x.do(http.MethodPost, "/inspect/session", `{"token":"`+x.token+`"}`)
	c := res.cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "" || c.Name+"="+c.Value != jar || strings.Contains(jar, x.token) {
		t.Errorf("cookie %v", c)
	}
	if res := x.do(http.MethodGet, "/inspect/", ""); res.status != http.StatusOK || !strings.Contains(res.body, "<title>Gatehouse inspector") {
		t.Errorf("page: %d", res.status)
	}
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		for _, path := range []string{"/inspect/", "/inspect/app.js", "/inspect/api/stats"} {
			if got := x.do(http.MethodGet, path, "").header.Get(name); got != want {
				t.Errorf("%s of %s: %q", name, path, got)
			}
		}
	}
	if strings.Contains(x.do(http.MethodGet, "/inspect/", "").body, x.token) {
		t.Error("the page has the token")
	}
}

func TestUpgrade(t *testing.T) {
	x := inspect(t, Options{})
	p := x.page()
	if got := string(p.Call("watch", watching{On: true})); !strings.Contains(got, `"entries":[]`) {
		t.Errorf("watch: %s", got)
	}
	for range maxPages - 1 {
		x.page().Call("watch", watching{})
	}
	ninth := x.page()
	if got := string(ninth.ExpectMessage("exception").Data); !strings.Contains(got, "inspect_pages") {
		t.Errorf("the ninth page: %s", got)
	}
	p.Close()
	testkit.Eventually(t, "a page has left", func() bool { return x.feedOf().open.Load() == maxPages-1 })
	x.page().Call("watch", watching{})
}
