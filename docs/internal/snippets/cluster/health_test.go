package cluster_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	chat "github.com/gatehouse-go/gatehouse/docs/internal/snippets/cluster"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// The probe answers 200, with the state of the backplane.
func TestHealthz(t *testing.T) {
	c := apptest.NewCluster(t, 2, module.New("root", module.Imports(chat.Module, chat.HealthModule)), apptest.With(app.WebSockets(ws.New())))
	get := func() string {
		r, err := http.Get(c.Node(0).URL() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%v, status %d: %s", err, r.StatusCode, body)
		}
		return string(body)
	}
	up := regexp.MustCompile(`^{"ready":true,"backplane":{"up":true,"degraded":false,"since":"[-0-9T:.Z]+","queueBytes":0}}$`)
	testkit.Eventually(t, "the backplane is up", func() bool { return up.MatchString(get()) })
	c.Engine(0).Cut()
	down := regexp.MustCompile(`^{"ready":true,"backplane":{"up":false,"degraded":true,"since":"[-0-9T:.Z]+","reason":"[^"]+","queueBytes":\d+}}$`)
	testkit.Eventually(t, "it is not", func() bool { return down.MatchString(get()) })
}
