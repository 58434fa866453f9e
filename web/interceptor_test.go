package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// twice calls next twice.
type twice struct{}

func (twice) Intercept(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
	if _, err := next(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}

func intercept(f func(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error)) web.Option {
	return web.UseInterceptors(pipeline.InterceptorFunc(f))
}

func TestNextTwice(t *testing.T) {
	n := 0
	count := func(_ context.Context, m Message) (string, error) {
		n++
		return fmt.Sprint(m.Text, n), nil
	}
	k := serve(t, func(r chi.Router) {
		r.Post("/", web.JSON(count))
		h := web.JSON(count)
		r.Post("/wrapped", func(w http.ResponseWriter, r *http.Request) { h(w, r) })
	}, web.UseInterceptors(twice{}))
	k.want(k.do("POST", "/", `{"text":"t"}`), 201, `"t2"`)
	k.want(k.do("POST", "/wrapped", `{"text":"t"}`), 201, `"t4"`)
}

func TestInterceptorsReplaceResults(t *testing.T) {
	type key struct{}
	h := web.JSON(func(ctx context.Context, _ struct{}) (string, error) {
		return fmt.Sprint("handler ", ctx.Value(key{})), nil
	})
	k := serve(t, func(r chi.Router) {
		value := intercept(func(context.Context, *pipeline.Call, pipeline.Next) (any, error) { return "cached", nil })
		none := intercept(func(context.Context, *pipeline.Call, pipeline.Next) (any, error) { return nil, nil })
		after := intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			if _, err := next(ctx); err != nil {
				return nil, err
			}
			return "instead", nil
		})
		drop := intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			_, _ = next(ctx)
			return nil, nil
		})
		web.Use(r, value).Get("/cached", text("never"))
		web.Use(r, value).Post("/cached", h)
		web.Use(r, none).Get("/none", text("never"))
		web.Use(r, after).Get("/written", text("written"))
		web.Use(r, after).Get("/silent", func(http.ResponseWriter, *http.Request) {})
		web.Use(r, after).Post("/empty", web.JSON(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
		web.Use(r, drop).Get("/dropped", h)
		web.Use(r, drop).Get("/left", text("left"))
		web.Use(r, drop).Get("/error", failing(errDisk))
		web.Use(r, intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			return next(context.WithValue(ctx, key{}, "value"))
		})).Get("/context", h)
		web.Use(r, intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			return next(context.Background())
		})).Get("/foreign", func(w http.ResponseWriter, r *http.Request) { h(w, r) })
	})
	k.want(k.do("GET", "/cached", ""), 200, `"cached"`)
	k.want(k.do("POST", "/cached", ""), 201, `"cached"`)
	k.want(k.do("GET", "/none", ""), 204, "")
	k.want(k.do("GET", "/written", ""), 200, "written")
	if !strings.Contains(k.log.String(), "the result of an interceptor was not sent: the handler has already sent a response") {
		t.Errorf("log: %s", k.log)
	}
	k.want(k.do("GET", "/silent", ""), 200, `"instead"`)
	k.want(k.do("POST", "/empty", ""), 201, `"instead"`)
	k.want(k.do("GET", "/dropped", ""), 204, "")
	k.want(k.do("GET", "/left", ""), 200, "left")
	k.want(k.do("GET", "/error", ""), 204, "")
	k.want(k.do("GET", "/context", ""), 200, `"handler value"`)
	k.want(k.do("GET", "/foreign", ""), 200, `"handler <nil>"`)
}

// hideDenials replaces denials by 404.
type hideDenials struct{ twice }

func (hideDenials) InterceptDenial(context.Context, *pipeline.Call, error) error {
	return &web.Error{Message: "Nothing here", Status: 404}
}

func TestDenialInterceptor(t *testing.T) {
	k := serve(t, func(r chi.Router) { r.Get("/", text("in")) }, web.UseGuards(deny), web.UseInterceptors(hideDenials{}))
	k.want(k.do("GET", "/", ""), 404, `{"statusCode":404,"message":"Nothing here","error":"Not Found"}`)
}

func TestPipesChangeTheInput(t *testing.T) {
	trim := pipeline.PipeOf(func(_ context.Context, m *Message) error {
		if m.Text = strings.TrimSpace(m.Text); m.Text == "" {
			return pipeline.Invalid(pipeline.Violation{Field: "text", Rule: "required", Message: "is required"})
		}
		return nil
	})
	k := serve(t, func(r chi.Router) {
		r.Post("/", web.JSON(func(_ context.Context, m Message) (string, error) { return m.Text, nil }))
	}, web.UsePipes(trim))
	k.want(k.do("POST", "/", `{"text":" t "}`), 201, `"t"`)
	if w := k.do("POST", "/", `{"text":" "}`); w.Code != 400 || !strings.Contains(w.Body.String(), "text is required") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// listen serves a handler to real clients. The test fails if net/http logs an error.
func listen(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	var errorLog testkit.Log
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&errorLog, nil), slog.LevelError)
	s.Start()
	t.Cleanup(func() {
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		if errorLog.String() != "" {
			t.Errorf("net/http: %s", &errorLog)
		}
	})
	return s
}

func TestHijackFlushAndReadFrom(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Get("/hijack", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return err
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 299 Mine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return errDisk // only logged
		}))
		r.Get("/flush", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "one\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done() // canceled once the client has read the line
		})
		r.Get("/readfrom", func(w http.ResponseWriter, _ *http.Request) {
			n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("copied"))
			if n != 6 || err != nil {
				t.Errorf("ReadFrom: %d, %v", n, err)
			}
		})
		r.Get("/controller", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			rc := http.NewResponseController(w)
			if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			return rc.Flush()
		}))
		r.Get("/early", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(http.StatusEarlyHints)
			return &web.Error{Message: "no"} // sent, because hints do not start the response
		}))
	}, intercept(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) { return next(ctx) }))
	s := listen(t, k.router)
	for path, want := range map[string]string{"/hijack": "299 ", "/flush": "200 one\n", "/readfrom": "200 copied", "/controller": "200 ", "/early": `400 {"statusCode":400,"message":"no","error":"Bad Request"}`} {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(path, err)
		}
		line, _ := bufio.NewReader(res.Body).ReadString('\n')
		if got := fmt.Sprint(res.StatusCode, " ", line); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		cancel()
		_ = res.Body.Close()
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(k.log.String(), "level=ERROR") && time.Now().Before(end); {
		runtime.Gosched() // the response is sent before the handler returns
	}
	if n := strings.Count(k.log.String(), "level=ERROR"); n != 1 || !strings.Contains(k.log.String(), errDisk.Error()) {
		t.Errorf("log: %s", k.log)
	}
	// The writer has exactly the optional methods of the underlying one.
	k2 := serve(t, func(r chi.Router) {
		r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
			_, flush := w.(http.Flusher)
			_, hijack := w.(http.Hijacker)
			_, readFrom := w.(io.ReaderFrom)
			_, _ = fmt.Fprint(w, flush, hijack, readFrom)
		})
	})
	for want, w := range map[string]http.ResponseWriter{
		"false false false": plainWriter{httptest.NewRecorder()},
		"true false false":  httptest.NewRecorder(),
		"true true false":   hijackable{httptest.NewRecorder()},
	} {
		k2.router.ServeHTTP(w, request("GET", "/", ""))
		var got string
		switch w := w.(type) {
		case plainWriter:
			got = w.ResponseWriter.(*httptest.ResponseRecorder).Body.String()
		case hijackable:
			got = w.Body.String()
		case *httptest.ResponseRecorder:
			got = w.Body.String()
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

type plainWriter struct{ http.ResponseWriter }

type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func TestConcurrentRequests(t *testing.T) {
	user := pipeline.NewValue[string]("user")
	k := newHarness(t, globalGuard(guard(func(_ context.Context, c *pipeline.Call) error {
		user.Set(c, c.Request.Header.Get("X-User"))
		return nil
	})), web.Controller(newController(func(r chi.Router) {
		r.Post("/{id}", web.JSON(func(ctx context.Context, in search2) (string, error) {
			u, _ := user.From(ctx)
			return u + in.ID + in.Text, nil
		}))
	}), web.UseInterceptors(twice{})))
	s := listen(t, k.router)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				id := fmt.Sprint(i, "-", j)
				req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/"+id, strings.NewReader(`{"text":"`+id+`"}`))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-User", id)
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				b, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if string(b) != `"`+id+id+id+`"` {
					t.Errorf("%s: got %s", id, b)
				}
			}
		})
	}
	wg.Wait()
}

type search2 struct {
	ID   string `path:"id"`
	Text string `json:"text"`
}
