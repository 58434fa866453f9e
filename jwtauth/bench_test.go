package jwtauth

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

func benchGuard(b *testing.B) *Guard[claims] {
	b.Helper()
	o := options()
	o.AllowNoExpiry = true
	g, err := New[claims](o)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

// far returns a token that expires in 100 years.
func far() string {
	return hs256(with(func(c *claims) { c.NotBefore, c.ExpiresAt = nil, jwt.NewNumericDate(noon.AddDate(100, 0, 0)) }))
}

// A message of an authenticated client.
func BenchmarkCheckStored(b *testing.B) {
	g := benchGuard(b)
	c := newFakeClient(far())
	defer c.leave()
	ctx, call := c.message()
	if err := g.Check(ctx, call); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Check(ctx, call); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrom(b *testing.B) {
	g := benchGuard(b)
	c := newFakeClient(far())
	defer c.leave()
	if err := g.Check(c.message()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := g.From(c.ctx); !ok {
			b.Fatal("no claims")
		}
	}
}

// A request: the token is verified each time.
func BenchmarkCheckVerify(b *testing.B) {
	g := benchGuard(b)
	call := bearer(pipeline.KindHTTP, far())
	b.ReportAllocs()
	for b.Loop() {
		call.Store = nil
		if err := g.Check(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCheckStoredAllocatesNothing(t *testing.T) {
	g, _ := newTestGuard(t, options())
	c := newFakeClient(good())
	defer c.leave()
	ctx, call := c.message()
	if n := testing.AllocsPerRun(100, func() {
		if err := g.Check(ctx, call); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a message", n)
	}
}
