package pipeline

import (
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Injection is the item that [Injected] returns.
type Injection = injected.Item

// Injected binds an instance that the module provides, by its type. Pass it to UseGuards,
// UseInterceptors, UsePipes or UseFilters of packages app, websockets and web:
//
//	websockets.Gateway(NewChat, websockets.UseGuards(pipeline.Injected[*auth.Guard]()))
//
// The instance is the one that the constructor of the gateway or controller would receive
// for a parameter of type T, and that a constructor of the root module would receive in
// package app. T may be an interface. It is a start error, which app.Validate reports too,
// if the module sees no T or several, or if T is not a guard, interceptor, pipe or filter.
// For a handler, in Subscriptions and Routes, only the start reports it.
func Injected[T any]() Injection {
	return injected.New(reflect.TypeFor[T](), place.Caller(0))
}
