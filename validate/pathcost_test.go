package validate

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type (
	chain struct {
		Word string `json:"word" validate:"required"`
		Next *chain `json:"next"`
	}
	byKey struct {
		People map[string][]person `json:"people" validate:"dive,dive"`
		Words  map[string][]string `json:"words" validate:"dive,dive,min=1"`
		Free   any                 `json:"free" validate:"omitempty,dive,dive,min=1"`
	}
)

// The cost of violations is bounded for small payloads.
func TestMemoryOfViolations(t *testing.T) {
	key := strings.Repeat("k", 20_000)
	for name, tt := range map[string]struct {
		payload  any
		text     string
		rejected bool
	}{
		"structs under a long key":      {&byKey{}, `{"people":{"` + key + `":[` + strings.Repeat("{},", 10_000) + `{}]}}`, true},
		"texts under a long key":        {&byKey{}, `{"words":{"` + key + `":[` + strings.Repeat(`"",`, 10_000) + `""]}}`, true},
		"anything under a long key":     {&byKey{}, `{"free":{"` + key + `":[` + strings.Repeat(`"",`, 10_000) + `""]}}`, true},
		"structs under a long key, map": {&map[string]byKey{}, `{"x":{"people":{"` + key + `":[` + strings.Repeat("{},", 10_000) + `{}]}}}`, true},
		"deep":                          {&chain{}, strings.Repeat(`{"next":`, 9_000) + "{}" + strings.Repeat("}", 9_000), true},
		"a long key":                    {&byKey{}, `{"words":{"` + key + `":[""]}}`, false},
		"many short keys":               {&byKey{}, `{"words":{"a":[` + strings.Repeat(`"",`, 1000) + `""]}}`, false},
		"not so deep":                   {&chain{}, strings.Repeat(`{"next":`, 100) + "{}" + strings.Repeat("}", 100), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := json.Unmarshal([]byte(tt.text), tt.payload); err != nil {
				t.Fatal(err)
			}
			p := New()
			before := allocated()
			err := p.Transform(t.Context(), nil, tt.payload)
			if used := allocated() - before; used > 64<<20 {
				t.Errorf("%d bytes of payload allocate %d MB", len(tt.text), used>>20)
			}
			e, ok := errors.AsType[*pipeline.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if rejected := e.Message == "Bad payload: has too many elements with long paths"; rejected != tt.rejected {
				t.Errorf("got %.200s", e.Message)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestUnboundedPaths(t *testing.T) {
	type plain struct {
		A []string            `validate:"dive,min=1"`
		B map[string]string   // not traversed
		C any                 // not traversed
		D []map[string]person `validate:"max=3"`
		E time.Time
		F struct{ G *person }
	}
	type list struct{ A []list }
	type dived struct {
		A []dived `validate:"dive"`
	}
	for typ, want := range map[reflect.Type]bool{
		reflect.TypeFor[plain](): false, reflect.TypeFor[list](): false, reflect.TypeFor[person](): false,
		reflect.TypeFor[dived](): true, reflect.TypeFor[chain](): true, reflect.TypeFor[byKey](): true,
		reflect.TypeFor[endless](): true, reflect.TypeFor[struct{ S shape }](): true,
	} {
		if got := New().plan(typ).unboundedPaths; got != want {
			t.Errorf("%v: %v", typ, got)
		}
	}
}
