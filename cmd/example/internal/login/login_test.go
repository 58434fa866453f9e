package login_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/validate"
)

// post returns the status, the body, and the session in it, if any.
func post(t *testing.T, a *apptest.App, path, token, body string) (int, string, login.Session) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var s login.Session
	_ = json.Unmarshal(b, &s)
	return resp.StatusCode, string(b), s
}

// claims returns the claims of a token, as the guard reads them.
func claims(t *testing.T, g *login.Guard, token string) (login.Claims, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	call := &pipeline.Call{Kind: pipeline.KindHTTP, Request: r}
	err := g.Check(t.Context(), call)
	c, _ := g.Get(call)
	return c, err
}

func TestLogin(t *testing.T) {
	a := apptest.New(t, login.NewModule(time.Minute, login.NewKey()), apptest.With(app.UsePipes(validate.New)))
	guard := apptest.Get[*login.Guard](a)

	status, body, first := post(t, a, "/login", "", `{"name":" Ada "}`)
	if status != 201 || first.Name != "Ada" {
		t.Fatalf("%d %s", status, body)
	}
	ada, err := claims(t, guard, first.Token)
	if err != nil || ada.Name != "Ada" || ada.Subject == "" {
		t.Errorf("got %v, %v", ada, err)
	}
	_, _, namesake := post(t, a, "/login", "", `{"name":"Ada"}`)
	if other, err := claims(t, guard, namesake.Token); err != nil || other.Subject == ada.Subject {
		t.Errorf("two logins have the same subject: %v, %v", other, err)
	}

	status, body, second := post(t, a, "/refresh", first.Token, "")
	if status != 201 || second.Name != "Ada" {
		t.Fatalf("%d %s", status, body)
	}
	if again, err := claims(t, guard, second.Token); err != nil || again.Subject != ada.Subject || again.Name != "Ada" {
		t.Errorf("got %v, %v", again, err)
	}
}

func TestRejections(t *testing.T) {
	a := apptest.New(t, login.NewModule(time.Minute, login.NewKey()), apptest.With(app.UsePipes(validate.New)))
	foreign, err := login.NewTokens(login.NewKey(), login.Life(time.Minute)).New("1", "Ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, token, body string
		status            int
		text              string
	}{
		{"/login", "", `{}`, 400, "Bad payload: name is required"},
		{"/login", "", `{"name":" \n"}`, 400, "Bad payload: name is required"},
		{"/login", "", `{"name":"` + strings.Repeat("ü", 41) + `"}`, 400, "Bad payload: name may have at most 40 characters"},
		{"/login", "", `{"name":"` + strings.Repeat("ü", 40) + `"}`, 201, `"name":"üü`},
		{"/login", "", `{"name":1}`, 400, "Bad body: name must be a string, not a number"},
		{"/login", "", `{`, 400, "Bad body: not valid JSON"},
		{"/refresh", "", "", 401, "token_missing"},
		{"/refresh", "x.y.z", "", 401, "token_invalid"},
		{"/refresh", foreign, "", 401, "token_invalid"},
	} {
		if status, body, _ := post(t, a, c.path, c.token, c.body); status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s %s: %d %s", c.path, c.body, status, body)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := login.NewKey()
		guard, err := login.NewGuard(key)
		if err != nil {
			t.Fatal(err)
		}
		token, err := login.NewTokens(key, login.Life(time.Hour)).New("1", "Ada")
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour - time.Second) // advances the synctest clock
		if _, err := claims(t, guard, token); err != nil {
			t.Errorf("before expiry: %v", err)
		}
		<-time.After(time.Second) // advances the synctest clock
		if _, err := claims(t, guard, token); err == nil {
			t.Error("valid after expiry")
		}
	})
}

func TestTags(t *testing.T) {
	if err := validate.New().CheckType(reflect.TypeFor[login.Login]()); err != nil {
		t.Error(err)
	}
}
