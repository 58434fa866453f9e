package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

func TestPlace(t *testing.T) {
	released := 0
	p := newPlace(func() { released++ })
	if !p.hold() {
		t.Fatal("a place that the connection holds cannot be held")
	}
	p.drop()
	if released != 0 {
		t.Error("returned while the connection holds it")
	}
	p.drop()
	if released != 1 || p.hold() {
		t.Errorf("returned %d times, and can be held after that", released)
	}
	var none *place
	if !none.hold() {
		t.Error("a place that is not counted cannot be held")
	}
	none.drop()
}

// A place is returned once, by the last that drops it.
func TestPlaceConcurrently(t *testing.T) {
	var released atomic.Int32
	p := newPlace(func() { released.Add(1) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if p.hold() {
					p.drop()
				}
			}
		})
	}
	wg.Go(p.drop)
	wg.Wait()
	if released.Load() != 1 {
		t.Errorf("returned %d times", released.Load())
	}
}

// The adapter may return the place more than once, which counts as once.
func TestReserving(t *testing.T) {
	released := 0
	full := errors.New("full")
	var err error
	s := &boundServer{}
	reserve := s.reserving(func(*http.Request) (func(), error) { return func() { released++ }, err })
	bare := httptest.NewRequest(http.MethodGet, "/", nil)
	r := bare.WithContext(pipeline.WithHolder(bare.Context(), &requestValues{}))
	release, got := reserve(r)
	if got != nil || !placeOf(r).hold() {
		t.Fatalf("%v, or no place", got)
	}
	release()
	release()
	if released != 0 {
		t.Error("returned while a client holds it")
	}
	placeOf(r).drop()
	if released != 1 {
		t.Errorf("returned %d times", released)
	}
	if release, got = reserve(bare); got != nil || placeOf(bare) != nil {
		t.Errorf("%v, or a place without a holder", got)
	}
	if release(); released != 2 {
		t.Error("a place in another context is not returned by the adapter")
	}
	err = full
	if _, got = reserve(r); !errors.Is(got, full) {
		t.Errorf("%v, want the error of the limit", got)
	}
	if s.reserving(nil) != nil {
		t.Error("places are reserved without a limit")
	}
}
