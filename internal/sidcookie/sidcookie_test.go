package sidcookie

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	if c, err := Complete(nil); c != nil || err != nil {
		t.Errorf("%v, %v", c, err)
	}
	declared := &http.Cookie{}
	c, err := Complete(declared)
	want := &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
	if !reflect.DeepEqual(declared, &http.Cookie{}) {
		t.Errorf("the declared cookie was changed: %+v", declared)
	}
	if _, err := Complete(&http.Cookie{Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Error(err)
	}
	full := http.Cookie{Name: "__Host-sid", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode, MaxAge: 60}
	if c, err := Complete(&full); err != nil || !reflect.DeepEqual(c, &full) {
		t.Errorf("%+v, %v, want %+v", c, err, full)
	}
}

func TestProblems(t *testing.T) {
	for want, c := range map[string]http.Cookie{
		"invalid Cookie.Name":                                 {Name: "a b"},
		"invalid Cookie.Domain":                               {Domain: "a b"},
		`ignore the Path "chat": write "/chat"`:               {Path: "chat"},
		"SameSite=None that is not Secure: set Secure":        {SameSite: http.SameSiteNoneMode},
		`named "__secure-io" that is not Secure: set Secure`:  {Name: "__secure-io"},
		`named "__Host-io" that is not Secure: set Secure`:    {Name: "__Host-io"},
		`with a Path other than "/" or with a Domain: remove`: {Name: "__Host-io", Secure: true, Domain: "example.com"},
		"other than \"/\"":                                    {Name: "__Host-io", Secure: true, Path: "/chat"},
		"negative MaxAge":                                     {MaxAge: -1},
		"whose Expires has passed: use MaxAge":                {Expires: time.Now().Add(-time.Second)},
		`named "__Http-io" that is not Secure: set Secure`:    {Name: "__Http-io"},
	} {
		if got, err := Complete(&c); err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
}
