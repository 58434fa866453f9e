// Package db has the name of another package.
package db

// DB has the short name of another type.
type DB struct{}

// NewDB makes a DB.
func NewDB() *DB { return &DB{} }
