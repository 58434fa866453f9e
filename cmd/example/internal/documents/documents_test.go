package documents_test

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/documents"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/module"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDocuments: the documents are for users who are logged in.
func TestDocuments(t *testing.T) {
	logins := login.NewModule(time.Minute, login.NewKey())
	a := apptest.New(t, module.New("test", module.Imports(logins, documents.NewModule(logins))))
	token, err := apptest.Get[*login.Tokens](a).New("1", "Ada")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../api/asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	for bearer, status := range map[string]int{"": http.StatusUnauthorized, "Bearer x": http.StatusUnauthorized, "Bearer " + token: http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/documents/asyncapi.json", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", bearer)
		res, err := a.HTTPClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status || (string(body) == string(want)) != (status == http.StatusOK) {
			t.Errorf("%q: %d with %d bytes", bearer, res.StatusCode, len(body))
		}
	}
}
