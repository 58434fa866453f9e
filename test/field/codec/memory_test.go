package codec_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// many returns a list of n.
func many(n int, of string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(of+",", n), ",") + "]"
}

func members(n int, of string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + strconv.Itoa(i) + `":` + of)
	}
	return "{" + b.String()[1:] + "}"
}

const tooMany = "has too many items"

// TestField_X13_Amplification: A list of empty objects, 3 bytes each and less than one after compression, that decodes into elements of 800
// bytes is refused as a bad payload when they would need more than 16 times MaxMessage; so is a list of pointers, of lists, a map, and a type
// that the JSON library decodes. What the server allocates stays below that. Lists whose elements are not larger than their text may fill a
// message.
func TestField_X13_Amplification(t *testing.T) {
	const half = 12_000 // 9.6 MB of items; 16 MB are allowed
	lists := []struct {
		event string
		text  func(n int) string
	}{
		{"items", func(n int) string { return many(n, "{}") }},
		{"items", func(n int) string { return many(n, "null") }},
		{"pointers", func(n int) string { return many(n, "{}") }},
		{"map", func(n int) string { return members(n, "{}") }},
		{"keys", func(n int) string { return members(n, "{}") }},
		{"deep", func(n int) string { return many(10, many(n/10, "{}")) }},
		{"odd", func(n int) string { return `{"id":"1","items":` + many(n, "{}") + `}` }},
	}
	onEach(t, func(t *testing.T, a asker) {
		for _, l := range lists {
			if got := a.ask(l.event, l.text(half)); strings.Contains(got, "message") {
				t.Errorf("%s: half of the budget: %.200s", l.event, got)
			}
			if got := allocated(t, 40<<20, func() string { return a.ask(l.event, l.text(4*half)) }); !strings.Contains(got, "Bad payload: the payload "+tooMany) {
				t.Errorf("%s: twice the budget: %.200s", l.event, got)
			}
		}
		if got := a.ask("numbers", many(400_000, "1")); got != "400000" {
			t.Errorf("numbers: %.200s", got)
		}
	})
	t.Run("http", func(t *testing.T) {
		a := apptest.New(t, module.New("echo", module.Controllers(newTestController)))
		for _, path := range []string{"/items", "/read", "/odd"} {
			text := func(n int) string { return many(n, "{}") }
			if path == "/odd" {
				text = func(n int) string { return `{"id":"1","items":` + many(n, "{}") + `}` }
			}
			if status, got := post(t, a, path, text(half)); status >= 300 {
				t.Errorf("%s: half of the budget: %d %.200s", path, status, got)
			}
			if status, got := post(t, a, path, text(4*half)); status != http.StatusBadRequest || !strings.Contains(got, "Bad body: the body "+tooMany) {
				t.Errorf("%s: twice the budget: %d %.200s", path, status, got)
			}
		}
	})
}

// standard is encoding/json as the application's codec.
type standard struct{}

func (standard) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

func (standard) Append(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

// TestField_X13_EachElementBySize: Where the JSON library or the codec of app.JSON decodes a payload, each element counts with the size of
// its own type: a message full of small objects passes beside a field for large ones, and many values with a few large elements each are
// refused.
func TestField_X13_EachElementBySize(t *testing.T) {
	for name, opts := range map[string][]app.Option{"library": nil, "another codec": {app.JSON(standard{})}} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, module.New("echo", module.Exports(websockets.Gateway(newTestGateway))), apptest.With(append(opts, app.WebSockets(ws.New()))...))
			p := rawpeer.Open(t, a.URL(), "/")
			ask := asker{t, p.Send, p.Text, true}
			const size = 900_000
			in := func(name, each string) string {
				return `{"id":"1","rows":[{},{}],"` + name + `":` + many(size/(len(each)+1), each) + `}`
			}
			for _, text := range []string{
				in("any", `{"id":1,"tags":["a"]}`), in("any", "[1,[2]]"), in("maps", `{"id":1,"name":"b"}`), in("any", "1"),
			} {
				if got := ask.ask("mixed", text); got != "2" {
					t.Errorf("%.100s: %.200s", text, got)
				}
			}
			rows := `{"id":"1","rows":` + many(size/25, `{"id":1,"name":"a"}`) + `}`
			if got := ask.ask("mixed", rows); got != "36000" {
				t.Errorf("rows: %.200s", got)
			}
			for event, text := range map[string]string{
				"mixed": in("items", "{}"),
				"odds":  many(size/40, `{"id":"1","items":[{},{},{}]}`),
			} {
				if got := allocated(t, 60<<20, func() string { return ask.ask(event, text) }); !strings.Contains(got, "Bad payload: the payload "+tooMany) {
					t.Errorf("%s: %.200s", event, got)
				}
			}
		})
	}
}

// allocated calls f, and reports an error if the process has allocated more than limit meanwhile.
func allocated(t *testing.T, limit uint64, f func() string) string {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("%d bytes were allocated, more than %d", n, limit)
	}
	return got
}
