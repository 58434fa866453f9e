// Package db has the same name as another package.
package db

// DB has the same short name as another type.
type DB struct{}

// NewDB returns a DB.
func NewDB() *DB { return &DB{} }
