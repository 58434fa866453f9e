// Package db is a module for tests of messages.
package db

import "github.com/gatehouse-go/gatehouse/module"

// Module exports *DB; *Pool is private.
var Module = module.New("db",
	module.Providers(NewPool),
	module.Exports(NewDB),
)

// Pool is private to the module.
type Pool struct{ Size int }

// NewPool returns a Pool.
func NewPool() *Pool { return &Pool{Size: 4} }

// DB is exported.
type DB struct{ Pool *Pool }

// NewDB returns a DB.
func NewDB(p *Pool) *DB { return &DB{p} }

// Ping implements orders.Store.
func (*DB) Ping() error { return nil }
