package hookform

import (
	"context"
	"reflect"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type initializer interface {
	OnModuleInit(ctx context.Context) error
}

type (
	right     struct{}
	noContext struct{}
	pointer   struct{}
	base      struct{ right }
	other     struct{}
	both      struct {
		right
		other
	}
	deep   struct{ both }
	chosen struct {
		right
		other
	}
	hidden struct {
		right
		OnModuleInit string
	}
	variadic struct{}
	list     []int

	generic[T any] struct{ _ T }
)

func (right) OnModuleInit(context.Context) error      { return nil }
func (other) OnModuleInit(context.Context) error      { return nil }
func (noContext) OnModuleInit() error                 { return nil }
func (*pointer) OnModuleInit(context.Context) error   { return nil }
func (chosen) OnModuleInit(context.Context) error     { return nil }
func (variadic) OnModuleInit(context.Context, ...int) {}
func (*list) OnModuleInit() error                     { return nil }
func (*generic[T]) OnModuleInit() error               { return nil }

func TestCheck(t *testing.T) {
	hooks := []Hook{Of[initializer]("OnModuleInit", "(ctx context.Context) error")}
	for _, c := range []struct {
		v    any
		want string
	}{
		{right{}, ""},
		{&right{}, ""},
		{&pointer{}, ""},
		{base{right{}}, ""},
		{&chosen{right{}, other{}}, ""},
		{hidden{right{}, ""}, ""},
		{1, ""},
		{noContext{}, "has the method OnModuleInit() error of hookform.noContext, which is not called, because the form of OnModuleInit is another one; write func (noContext) OnModuleInit(ctx context.Context) error"},
		{&noContext{}, "has the method OnModuleInit() error of *hookform.noContext, which is not called, because the form of OnModuleInit is another one; write func (*noContext) OnModuleInit(ctx context.Context) error"},
		{variadic{}, "has the method OnModuleInit(context.Context, ...int) of hookform.variadic, which is not called, because the form of OnModuleInit is another one; write func (variadic) OnModuleInit(ctx context.Context) error"},
		{pointer{}, "has the type hookform.pointer, but the receiver of its method OnModuleInit is *hookform.pointer, so the method is not called; return *hookform.pointer from the constructor"},
		{&generic[reflect.Kind]{}, "has the method OnModuleInit() error of *hookform.generic[reflect.Kind], which is not called, because the form of OnModuleInit is another one; write func (*generic[…]) OnModuleInit(ctx context.Context) error"},
		{list{}, "has the type hookform.list, but the receiver of its method OnModuleInit is *hookform.list, so the method is not called; return *hookform.list from the constructor, and write func (*list) OnModuleInit(ctx context.Context) error"},
		{both{right{}, other{}}, "has the type hookform.both, which embeds hookform.right and hookform.other: each has a method OnModuleInit, so neither is called; write func (both) OnModuleInit(ctx context.Context) error, which calls those that it needs"},
		{&deep{both{right{}, other{}}}, "has the type *hookform.deep, which embeds hookform.right and hookform.other: each has a method OnModuleInit, so neither is called; write func (*deep) OnModuleInit(ctx context.Context) error, which calls those that it needs"},
	} {
		got := ""
		for _, m := range Check(reflect.TypeOf(c.v), hooks) {
			got += m.String()
		}
		if got != c.want {
			t.Errorf("%T:\ngot  %s\nwant %s", c.v, got, c.want)
		}
	}
}
