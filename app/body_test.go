package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/go-chi/chi/v5"
)

// slowly is a controller whose handlers wait.
type slowly struct{ ended chan error }

func (s *slowly) Routes(r chi.Router) {
	r.Post("/read", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
			return
		}
		select { // much longer than the body may take
		case <-r.Context().Done():
			s.ended <- context.Cause(r.Context())
		case <-time.After(400 * time.Millisecond):
		}
		_, _ = fmt.Fprintf(w, "%d bytes", len(b))
	})
}

// A body that does not come ends its request, whoever serves it; a handler may take
// its time when the body is there.
func TestBodyTimeout(t *testing.T) {
	s := &slowly{ended: make(chan error, 1)}
	m := module.New("slow", module.Providers(web.Controller(func() *slowly { return s })))
	a, err := app.New(m, app.HTTP("127.0.0.1:0"), app.BodyTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Stop(context.Background()) }()
	ask := func(request string) (status int, body string) {
		t.Helper()
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(c, request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, ""
		}
		b, _ := io.ReadAll(resp.Body)
		if _, err := io.Copy(io.Discard, c); strings.Contains(request, "never") && err != nil {
			t.Errorf("the connection stays: %v", err)
		}
		return resp.StatusCode, string(b)
	}
	const head = " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
	if status, body := ask("POST /read" + head + "Connection: close\r\n\r\nhello"); status != 200 || body != "5 bytes" {
		t.Errorf("%d %q", status, body)
	}
	select {
	case err := <-s.ended:
		t.Errorf("the handler's context has ended: %v", err)
	default:
	}
	if status, _ := ask("POST /read" + head + "X: never\r\n\r\nhel"); status != http.StatusRequestTimeout && status != 0 {
		t.Errorf("%d", status)
	}
	if status, _ := ask("POST /nowhere" + head + "X: never\r\n\r\n"); status != http.StatusNotFound && status != 0 {
		t.Errorf("%d", status)
	}
}
