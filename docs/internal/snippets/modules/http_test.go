package modules_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/modules"
)

func TestController(t *testing.T) {
	a := apptest.New(t, modules.HTTPModule)
	for body, want := range map[string]int{`"tea"`: 201, `""`: 500, `{`: 400} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/orders", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", body, res.StatusCode, want)
		}
	}
}
