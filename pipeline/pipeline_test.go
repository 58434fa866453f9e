package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

var (
	roles = pipeline.NewKey[[]string]("roles")
	level = pipeline.NewKey[int]("level")
	user  = pipeline.NewValue[string]("user")
)

func TestKey(t *testing.T) {
	c := &pipeline.Call{}
	if v, ok := roles.Of(c); ok || v != nil || roles.All(c) != nil {
		t.Errorf("without metadata: %v, %v", v, ok)
	}
	c.Owner = pipeline.Metadata{roles.With([]string{"member"}), level.With(1)}
	if v, ok := roles.Of(c); !ok || !slices.Equal(v, []string{"member"}) {
		t.Errorf("metadata of the gateway: %v, %v", v, ok)
	}
	c.Handler = pipeline.Metadata{}.Join(roles.With([]string{"overwritten"}), roles.With([]string{"admin"}))
	if v, ok := roles.Of(c); !ok || !slices.Equal(v, []string{"admin"}) {
		t.Errorf("last metadata of the handler: %v, %v", v, ok)
	}
	if got := slices.Concat(roles.All(c)...); !slices.Equal(got, []string{"member", "admin"}) {
		t.Errorf("metadata of gateway and handler: %v", got)
	}
	if v, ok := level.Of(c); !ok || v != 1 {
		t.Errorf("other key: %v, %v", v, ok)
	}
	if roles.String() != "roles" {
		t.Errorf("String: %q", roles)
	}
}

func TestValue(t *testing.T) {
	c := &pipeline.Call{}
	if v, ok := user.Get(c); ok || v != "" {
		t.Errorf("before Set: %q, %v", v, ok)
	}
	user.Set(c, "ann")
	ctx := pipeline.WithHolder(context.Background(), c)
	if v, ok := user.From(ctx); !ok || v != "ann" {
		t.Errorf("from the context: %q, %v", v, ok)
	}
	other := &pipeline.Call{}
	user.Set(other, "bob")
	nickname := pipeline.NewValue[string]("user") // another Value with the same name
	nickname.Set(other, "bobby")
	c.Values().Inherit(other.Values())
	if v, _ := user.Get(c); v != "ann" {
		t.Errorf("Inherit overwrote a value: %q", v)
	}
	if v, _ := nickname.Get(c); v != "bobby" {
		t.Errorf("inherited %q", v)
	}
	user.Delete(c)
	if _, ok := user.Get(c); ok {
		t.Error("value after Delete")
	}
	if _, ok := user.From(context.Background()); ok || pipeline.HolderFrom(context.Background()) != nil {
		t.Error("a context without a holder has values")
	}
	if user.String() != "user" {
		t.Errorf("String: %q", user)
	}
}

func TestValueIsSafe(t *testing.T) {
	c := &pipeline.Call{Store: new(pipeline.Values)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				user.Set(c, "ann")
				user.Get(c)
				user.Delete(c)
			}
		})
	}
	wg.Wait()
}

func TestOnly(t *testing.T) {
	g := pipeline.Only(pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden }), pipeline.KindConnect, pipeline.KindHTTP)
	for kind, want := range map[pipeline.Kind]error{
		pipeline.KindConnect: pipeline.ErrForbidden, pipeline.KindHTTP: pipeline.ErrForbidden, pipeline.KindMessage: nil,
	} {
		if got := g.Check(t.Context(), &pipeline.Call{Kind: kind}); !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}

func TestError(t *testing.T) {
	cause := errors.New("disk full")
	e := &pipeline.Error{Message: "Try later", Err: cause}
	if e.Error() != "Try later: disk full" || !errors.Is(e, cause) {
		t.Errorf("%v", e)
	}
	if got := pipeline.ErrForbidden.Error(); got != "Forbidden resource" {
		t.Errorf("%q", got)
	}
}

func TestInvalid(t *testing.T) {
	e := pipeline.Invalid(
		pipeline.Violation{Field: "text", Rule: "required", Message: "is required"},
		pipeline.Violation{Rule: "total", Message: "too much in all"},
	)
	if e.Message != "Bad payload: text is required; too much in all" || e.Status != http.StatusBadRequest || e.Code != pipeline.CodeBadPayload {
		t.Errorf("%+v", e)
	}
	if v, ok := e.Details.([]pipeline.Violation); !ok || len(v) != 2 {
		t.Errorf("Details: %v", e.Details)
	}
	if e := pipeline.Invalid(); e.Message != "Bad payload" || e.Details != nil {
		t.Errorf("without violations: %+v", e)
	}
}

func TestPipeOf(t *testing.T) {
	p := pipeline.PipeOf(func(_ context.Context, n *int) error {
		*n *= 2
		return nil
	})
	n, s := 4, "text"
	if err := p.Transform(t.Context(), nil, &n); err != nil || n != 8 {
		t.Errorf("%d, %v", n, err)
	}
	if err := p.Transform(t.Context(), nil, &s); err != nil || s != "text" {
		t.Errorf("%q, %v", s, err)
	}
}

func TestFilters(t *testing.T) {
	answer := &pipeline.Error{Message: "Not found"}
	is := pipeline.FilterIs(io.EOF, answer)
	of := pipeline.FilterOf(func(_ context.Context, c *pipeline.Call, e *http.MaxBytesError) *pipeline.Error {
		return &pipeline.Error{Message: c.Pattern, Details: e.Limit}
	})
	c := &pipeline.Call{Pattern: "upload"}
	wrapped := errors.Join(errors.New("read"), io.EOF)
	if got := is.Catch(t.Context(), c, wrapped); got != answer {
		t.Errorf("FilterIs: %v", got)
	}
	if got := of.Catch(t.Context(), c, wrapped); got != nil {
		t.Errorf("FilterOf, other type: %v", got)
	}
	if got := of.Catch(t.Context(), c, errors.Join(&http.MaxBytesError{Limit: 7})); got == nil || got.Message != "upload" || got.Details != int64(7) {
		t.Errorf("FilterOf: %v", got)
	}
}

func TestMap(t *testing.T) {
	m := pipeline.Map(func(_ context.Context, _ *pipeline.Call, v any) (any, error) { return v.(int) + 1, nil })
	run := func(v any, err error) (any, error) {
		return m.Intercept(t.Context(), nil, func(context.Context) (any, error) { return v, err })
	}
	if v, err := run(1, nil); v != 2 || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := run(nil, nil); v != nil || err != nil {
		t.Errorf("nil result: %v, %v", v, err)
	}
	if _, err := run(1, io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("error: %v", err)
	}
	if v, err := m.(pipeline.ItemInterceptor).InterceptItem(t.Context(), nil, 5); v != 6 || err != nil {
		t.Errorf("item: %v, %v", v, err)
	}
}

func TestEmitFunc(t *testing.T) {
	i := pipeline.EmitFunc(func(e *pipeline.Emission, next func() error) error {
		e.Event = "changed"
		return next()
	})
	if v, err := i.Intercept(t.Context(), nil, func(context.Context) (any, error) { return 1, io.EOF }); v != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("result of the handler changed to %v, %v", v, err)
	}
	e := &pipeline.Emission{Event: "event"}
	if err := i.(pipeline.EmitInterceptor).InterceptEmit(e, func() error { return io.EOF }); !errors.Is(err, io.EOF) || e.Event != "changed" {
		t.Errorf("%v, %v", e, err)
	}
}

func TestLogging(t *testing.T) {
	var out bytes.Buffer
	l := pipeline.NewLogging(slog.New(slog.NewTextHandler(&out, nil)))
	c := &pipeline.Call{
		Kind: pipeline.KindMessage, Pattern: "say", Name: "chat.NewGateway",
		Request: httptest.NewRequest(http.MethodGet, "/?token=secret", nil),
	}
	for _, failure := range []error{nil, io.ErrUnexpectedEOF} {
		v, err := l.Intercept(t.Context(), c, func(context.Context) (any, error) { return "result", failure })
		if v != "result" || !errors.Is(err, failure) {
			t.Errorf("%v, %v", v, err)
		}
		l.Outcome(t.Context(), c, pipeline.Outcome{Err: failure, Took: time.Second})
	}
	notFound := &pipeline.Error{Message: "Not found", Code: "not_found"}
	l.Outcome(t.Context(), c, pipeline.Outcome{Err: io.EOF, Client: notFound, Status: 404, Took: time.Second})
	l.Outcome(t.Context(), c, pipeline.Outcome{Err: pipeline.ErrForbidden, Client: pipeline.ErrForbidden, Denied: true, Took: time.Second})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("logged %q", lines)
	}
	for i, want := range []string{
		"level=INFO msg=handled", `level=WARN msg=failed`, "level=WARN msg=failed", "level=WARN msg=denied",
	} {
		rest := []string{" took=1s remote", ` took=1s error="unexpected EOF"`, " took=1s status=404 code=not_found error=EOF", " took=1s code=forbidden error=\"Forbidden resource\""}[i]
		for _, w := range []string{want, "kind=message pattern=say name=chat.NewGateway", rest, "remote=192.0.2.1"} {
			if !strings.Contains(lines[i], w) {
				t.Errorf("%s: want %s in it", lines[i], w)
			}
		}
		if strings.Contains(lines[i], "secret") {
			t.Errorf("%s: contains a secret", lines[i])
		}
	}
	out.Reset()
	l.Outcome(t.Context(), &pipeline.Call{Kind: pipeline.KindMessage, Pattern: "typo"}, pipeline.Outcome{Err: notFound, Client: notFound})
	if got := out.String(); !strings.Contains(got, `level=INFO msg="no handler" kind=message pattern=typo name="" took=0s code=not_found error="Not found"`) {
		t.Errorf("without a handler: %s", got)
	}
	out.Reset()
	l.Outcome(pipeline.WithHolder(t.Context(), &namedClient{}), c, pipeline.Outcome{})
	if got := out.String(); !strings.Contains(got, " msg=handled client=c1 kind=message ") {
		t.Errorf("of a client: %s", got)
	}
}

// namedClient is a client with an id.
type namedClient struct{ values pipeline.Values }

func (c *namedClient) Values() *pipeline.Values { return &c.values }

func (*namedClient) ID() string { return "c1" }

// OutcomeFunc observes and changes nothing.
func TestOutcomeFunc(t *testing.T) {
	var got pipeline.Outcome
	i := pipeline.OutcomeFunc(func(_ context.Context, _ *pipeline.Call, o pipeline.Outcome) { got = o })
	if v, err := i.Intercept(t.Context(), nil, func(context.Context) (any, error) { return 1, io.EOF }); v != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("result of the handler changed to %v, %v", v, err)
	}
	i.(pipeline.OutcomeInterceptor).Outcome(t.Context(), nil, pipeline.Outcome{Status: 404})
	if got.Status != 404 {
		t.Errorf("%+v", got)
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := pipeline.Timeout(time.Second)
		_, err := in.Intercept(t.Context(), nil, func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if e, ok := errors.AsType[*pipeline.Error](err); !ok || e.Code != pipeline.CodeTimeout || e.Status != http.StatusServiceUnavailable {
			t.Errorf("after the timeout: %v", err)
		}
		if v, err := in.Intercept(t.Context(), nil, func(context.Context) (any, error) { return 1, nil }); v != 1 || err != nil {
			t.Errorf("before the timeout: %v, %v", v, err)
		}
		_, err = in.Intercept(t.Context(), nil, func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, io.EOF
		})
		if !errors.Is(err, io.EOF) {
			t.Errorf("other error changed to %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = in.Intercept(ctx, nil, func(ctx context.Context) (any, error) { return nil, ctx.Err() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled request: %v", err)
		}
	})
}

func TestRecovery(t *testing.T) {
	in := pipeline.Recovery(func(_ context.Context, c *pipeline.Call, v any, stack []byte) error {
		if len(stack) == 0 || c.Pattern != "say" {
			t.Errorf("called with stack %q, pattern %q", stack, c.Pattern)
		}
		return errors.New(v.(string))
	})
	c := &pipeline.Call{Pattern: "say"}
	if _, err := in.Intercept(t.Context(), c, func(context.Context) (any, error) { panic("crash") }); err == nil || err.Error() != "crash" {
		t.Errorf("%v", err)
	}
	if v, err := in.Intercept(t.Context(), c, func(context.Context) (any, error) { return 1, io.EOF }); v != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("%v, %v", v, err)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", p)
		}
	}()
	_, _ = in.Intercept(t.Context(), c, func(context.Context) (any, error) { panic(http.ErrAbortHandler) })
}

// Attributes of the application are in each line; denials for too many requests have one line a minute.
func TestLoggingWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := pipeline.NewLogging(slog.New(slog.NewTextHandler(&out, nil))).With(func(_ context.Context, c *pipeline.Call) []slog.Attr {
			return []slog.Attr{slog.String("event", c.Pattern), slog.String("user", "ada")}
		})
		c := &pipeline.Call{Kind: pipeline.KindMessage, Pattern: "say", Name: "chat.NewGateway"}
		limited := &pipeline.Error{Message: "Too many", Status: http.StatusTooManyRequests}
		for range 3 {
			l.Outcome(t.Context(), c, pipeline.Outcome{Err: limited, Client: limited, Denied: true})
		}
		<-time.After(time.Minute)
		l.Outcome(t.Context(), c, pipeline.Outcome{Err: limited, Client: limited, Denied: true})
		l.Outcome(t.Context(), c, pipeline.Outcome{})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "msg=denied denials=1 event=say user=ada ") ||
			!strings.Contains(lines[1], "denials=3 ") || !strings.Contains(lines[2], "msg=handled event=say user=ada ") {
			t.Errorf("logged %q", lines)
		}
	})
}
