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

// slowController has a handler that takes longer than BodyTimeout.
type slowController struct{ canceled chan error }

func (s *slowController) Routes(r chi.Router) {
	r.Post("/read", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
			return
		}
		select { // longer than BodyTimeout
		case <-r.Context().Done():
			s.canceled <- context.Cause(r.Context())
		case <-time.After(2 * time.Second):
		}
		_, _ = fmt.Fprintf(w, "%d bytes", len(b))
	})
}

// BodyTimeout ends a request whose body does not arrive, with and without a route. It
// does not limit the handler once the body has been read.
func TestBodyTimeout(t *testing.T) {
	s := &slowController{canceled: make(chan error, 1)}
	m := module.New("slow", module.Providers(web.Controller(func() *slowController { return s })))
	a, err := app.New(m, app.HTTP("127.0.0.1:0"), app.BodyTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Stop(context.Background()) }()
	send := func(request string) (status int, body string) {
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
			t.Errorf("connection not closed: %v", err)
		}
		return resp.StatusCode, string(b)
	}
	const head = " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
	if status, body := send("POST /read" + head + "Connection: close\r\n\r\nhello"); status != 200 || body != "5 bytes" {
		t.Errorf("whole body: %d %q", status, body)
	}
	select {
	case err := <-s.canceled:
		t.Errorf("context of the handler was canceled: %v", err)
	default:
	}
	if status, _ := send("POST /read" + head + "X: never\r\n\r\nhel"); status != http.StatusRequestTimeout && status != 0 {
		t.Errorf("incomplete body: status %d", status)
	}
	if status, _ := send("POST /nowhere" + head + "X: never\r\n\r\n"); status != http.StatusNotFound && status != 0 {
		t.Errorf("incomplete body, no route: status %d", status)
	}
}
