package start_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
)

// inbox reads bodies.
type inbox struct{}

func newInbox() *inbox { return &inbox{} }

// Routes implements [web.Routable].
func (*inbox) Routes(r chi.Router) {
	r.Post("/", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	})
}

// opaque is a ResponseWriter without SetReadDeadline.
type opaque struct{ http.ResponseWriter }

// TestField_X52_Mounted: app.BodyTimeout had no effect on a handler that another server serves; it ends a request whose
// body does not arrive there too, and a warning is logged if the server's ResponseWriter does not allow that.
func TestField_X52_Mounted(t *testing.T) {
	var log bytes.Buffer
	a, err := app.New(controllers(newInbox), app.Logger(slog.New(slog.NewTextHandler(&log, nil))), app.Mounted(), app.BodyTimeout(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Stop(t.Context()) }()
	srv := httptest.NewServer(a.Handler())
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		t.Errorf("%v: %s", err, answer)
	}
	for range 2 {
		a.Handler().ServeHTTP(opaque{httptest.NewRecorder()}, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("all")))
	}
	if n := strings.Count(log.String(), "app.BodyTimeout has no effect: the ResponseWriter has no SetReadDeadline"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, &log)
	}
}
