package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// v1Step is one connection of a server that speaks gatehouse.v1, and what the client makes of it.
type v1Step struct {
	sends     []string // the frames, after which the connection is cut
	plain     bool     // the server selects no subprotocol
	resume    string   // what the client offers to resume
	recovered bool     // what the client reports
}

// What the client offers, and what it reports, on one connection after the other.
func TestResume(t *testing.T) {
	const key, first = `{"session":{"id":"c1","key":"KEY-1","pos":"a","recovered":false}}`, "KEY-1.a"
	long := strings.Repeat("x", 129)
	for name, steps := range map[string][]v1Step{
		"events move the position": {
			{sends: []string{key, `{"event":"poked","data":"1","pos":"b"}`, `{"event":"unhandled","pos":"c"}`, `{"event":"poked"}`, `{"id":7,"x":1}`}},
			{sends: []string{`{"session":{"id":"c1","key":"KEY-2","recovered":true}}`}, resume: "KEY-1.c", recovered: true},
			{sends: []string{`{"session":{"id":"c1","key":"KEY-3","pos":"ignored","recovered":true}}`}, resume: "KEY-2.c", recovered: true},
			{sends: []string{`{"session":{"id":"c2","key":"KEY-4","pos":"d","recovered":false}}`}, resume: "KEY-3.c"},
			{resume: "KEY-4.d"},
		},
		"no recovery": {{sends: []string{`{"session":{"id":"c1"}}`, `{"event":"poked","data":"1"}`}}, {}},
		"a server that loses the key": {
			{sends: []string{key}}, {sends: []string{`{"session":{"id":"c1","recovered":true}}`}, resume: first, recovered: true}, {},
		},
		"recovered without an offer": {
			{sends: []string{`{"session":{"id":"c1","key":"KEY-1","pos":"a","recovered":true}}`}}, {resume: first},
		},
		"plain WebSocket between": {
			{sends: []string{key}}, {sends: []string{`{"event":"poked","data":"1"}`}, plain: true, resume: first}, {},
		},
		"another session is ignored": {
			{sends: []string{key, `{"session":{"id":"c9","key":"KEY-9","pos":"z","recovered":true}}`}}, {resume: first},
		},
		"a key with a separator":        {{sends: []string{`{"session":{"key":"a, b","pos":"a"}}`}}, {}},
		"a key with a line":             {{sends: []string{`{"session":{"key":"a\r\nx: y","pos":"a"}}`}}, {}},
		"a key with a dot":              {{sends: []string{`{"session":{"key":"a.b","pos":"a"}}`}}, {}},
		"a key that is too long":        {{sends: []string{`{"session":{"key":"` + long + `","pos":"a"}}`}}, {}},
		"a key without a position":      {{sends: []string{`{"session":{"key":"KEY-1"}}`}}, {}},
		"a position with an escape":     {{sends: []string{key, `{"event":"poked","pos":"\u0062"}`}}, {}},
		"a position that is too long":   {{sends: []string{key, `{"event":"poked","pos":"` + long + `"}`}}, {}},
		"a position that is empty":      {{sends: []string{key, `{"event":"poked","pos":""}`}}, {}},
		"a position that is a number":   {{sends: []string{key, `{"event":"poked","pos":5}`}}, {resume: first}}, // no message of the protocol
		"a position after a wrong one":  {{sends: []string{key, `{"event":"poked","pos":"-.-"}`, `{"event":"poked","pos":"b"}`}}, {}},
		"the longest key and position":  {{sends: []string{`{"session":{"key":"` + long[1:] + `","pos":"` + long[:16] + `"}}`}}, {resume: long[1:] + "." + long[:16]}},
		"members that are not known":    {{sends: []string{`{"v":2,"session":{"id":5,"more":[1],"key":"KEY-1","pos":"a"}}`}}, {resume: first}},
		"a position before the session": {{sends: []string{`{"pos":"q","session":{"key":"KEY-1","pos":"a"}}`}}, {resume: first}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testResume(t, steps) })
		})
	}
}

func testResume(t *testing.T, steps []v1Step) {
	var mu sync.Mutex
	var offers [][]string
	o := scriptV1(t, func(n int, ws *websocket.Conn, offered []string) {
		mu.Lock()
		offers = append(offers, offered)
		mu.Unlock()
		if n > len(steps) {
			read(ws)
			return
		}
		step := steps[n-1]
		if len(step.sends) == 0 {
			step.sends = []string{`{"session":{"id":"end"}}`}
		}
		write(t, ws, step.sends...)
		<-time.After(time.Second)
	}, func(n int) string {
		if n <= len(steps) && steps[n-1].plain {
			return ""
		}
		return "gatehouse.v1"
	})
	var recovered []bool
	var c *client.Conn
	o.OnState = func(s client.State, _ error) {
		if s == client.Open {
			mu.Lock()
			recovered = append(recovered, c.Recovered())
			mu.Unlock()
		}
	}
	c = prepare(t, scripted, o)
	client.On(c, Poked, func(context.Context, string) error { return nil })
	connect(t, c)
	over := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(offers) > len(steps)
	}
	for i := 0; i < 100 && !over(); i++ {
		pass(time.Second)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, step := range steps {
		want := []string{"gatehouse.v1"}
		if step.resume != "" {
			want = append(want, "gatehouse.resume."+step.resume)
		}
		if i >= len(offers) || !slices.Equal(offers[i], want) {
			t.Fatalf("connection %d offers %q, want %q", i+1, offers, want)
		}
		if i >= len(recovered) || recovered[i] != step.recovered {
			t.Errorf("recovered %v, want %t of connection %d", recovered, step.recovered, i+1)
		}
	}
}

// gatehouse.v1 is offered before the token and the subprotocols of the application.
func TestOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		o := scriptV1(t, func(_ int, ws *websocket.Conn, offered []string) {
			got = offered
			read(ws)
		}, func(int) string { return "" })
		o.Token, o.TokenIn, o.Subprotocols = func(context.Context) (string, error) { return "token", nil }, client.InSubprotocol, []string{"own"}
		dial(t, scripted, o)
		synctest.Wait()
		if want := []string{"gatehouse.v1", "bearer", "token", "own"}; !slices.Equal(got, want) {
			t.Errorf("offered %q, want %q", got, want)
		}
	})
}

// A refusal that the server explains is an error of the server; its code says whether to try again.
func TestExplainedRefusals(t *testing.T) {
	for code, want := range map[int]struct {
		status int
		final  bool // for a client that was connected before
		vain   bool // for one that was not
	}{
		4401: {401, true, true}, 4403: {403, true, true}, 4429: {429, false, false}, 4503: {503, false, false}, 1011: {500, false, false},
	} {
		for _, before := range []bool{false, true} { // the session is open
			for _, first := range []bool{true, false} {
				t.Run(fmt.Sprint(code, " before ", before, " first ", first), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						o := scriptV1(t, func(n int, ws *websocket.Conn, _ []string) {
							refuses := first && n == 1 || !first && n == 2
							if !refuses || before {
								write(t, ws, `{"session":{"id":"c1"}}`)
							}
							if refuses {
								write(t, ws, `{"event":"exception","data":{"status":"error","message":"Not you","code":"not_you","details":{"a":1}}}`)
								_ = ws.Close(websocket.StatusCode(code), "Not you")
								return
							}
							if n == 1 {
								<-time.After(time.Second)
								return
							}
							read(ws)
						}, alwaysV1)
						var refusal *websockets.Error
						var text string
						o.OnState = func(_ client.State, err error) {
							if e, ok := errors.AsType[*websockets.Error](err); ok && refusal == nil {
								refusal, text = e, err.Error()
							}
						}
						c := prepare(t, scripted, o)
						err := c.Connect(t.Context())
						pass(time.Minute)
						if refusal == nil || refusal.Status != want.status || refusal.Code != "not_you" || refusal.Message != "Not you" {
							t.Fatalf("the refusal is %+v", refusal)
						}
						if d, ok := client.Details[map[string]int](refusal); !ok || d["a"] != 1 {
							t.Errorf("the details are %s", refusal.Details)
						}
						if want := fmt.Sprintf("the server has closed the connection with %d: Not you", code); text != want {
							t.Errorf("got %q, want %q", text, want)
						}
						ends := want.final
						if first && !before {
							ends = want.vain
						}
						if closed := c.State() == client.Closed; closed != ends {
							t.Errorf("closed for good: %t, want %t", closed, ends)
						}
						if first && !before && ends != (err != nil) {
							t.Errorf("Connect: %v", err)
						}
					})
				})
			}
		}
	}
}

// A refusal that has a time for the next attempt.
func TestRefusalWithTime(t *testing.T) {
	for details, want := range map[string]time.Duration{
		`{"retryAfter":90}`: 90 * time.Second, `{"retryAfter":-90}`: 0, `{"retryAfter":1e300}`: 0, `{"retryAfter":2000000000}`: time.Hour, `[]`: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			o := scriptV1(t, func(n int, ws *websocket.Conn, _ []string) {
				at = append(at, time.Now())
				if n == 1 {
					write(t, ws, `{"event":"exception","data":{"status":"error","message":"Too many","code":"rate_limited","details":`+details+`}}`)
					_ = ws.Close(4429, "Too many")
					return
				}
				write(t, ws, `{"session":{"id":"c1"}}`)
				read(ws)
			}, alwaysV1)
			c := prepare(t, scripted, o)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			if err := c.Connect(ctx); err != nil {
				t.Fatal(err)
			}
			if pause := at[1].Sub(at[0]); want == 0 {
				wantPause(t, details, pause, 500*time.Millisecond)
			} else if pause < want || pause > want+time.Millisecond {
				t.Errorf("%s: a pause of %v, want %v", details, pause, want)
			}
		})
	}
}

// An exception that is not the last frame, and one of plain WebSocket, is no refusal.
func TestNoRefusal(t *testing.T) {
	exception := `{"event":"exception","data":{"status":"error","message":"Not you","code":"not_you"}}`
	for name, x := range map[string]struct {
		selects string
		frames  []string
		code    websocket.StatusCode
	}{
		"another frame": {"gatehouse.v1", []string{`{"session":{"id":"c1"}}`, exception, `{"event":"more"}`}, 4403},
		"another code":  {"gatehouse.v1", []string{`{"session":{"id":"c1"}}`, exception}, 4000},
		"plain":         {"", []string{exception}, 4429}, // the application's own
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := scriptV1(t, func(_ int, ws *websocket.Conn, _ []string) {
					write(t, ws, x.frames...)
					<-time.After(time.Second)
					_ = ws.Close(x.code, "out")
				}, func(int) string { return x.selects })
				var err error
				o.OnState = func(_ client.State, e error) { err = e }
				c := dial(t, scripted, o)
				pass(time.Minute)
				if _, ok := errors.AsType[*websockets.Error](err); ok || c.State() != client.Closed {
					t.Errorf("%v: %v", c.State(), err)
				}
			})
		})
	}
}
