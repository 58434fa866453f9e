// Package orders is a module for the tests of messages.
package orders

import (
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/db"
)

// Module forgets to import db.Module, which Root makes reachable;
// its place in this file (line 12) is
// part of the expected text.
var Module = module.New("orders", module.Exports(NewOrders))

// Root imports db and orders.
var Root = module.New("shop", module.Imports(db.Module, Module))

// Orders needs a database.
type Orders struct {
	DB *db.DB
}

// Store is what a DB implements.
type Store interface {
	Ping() error
}

// NewOrders makes Orders;
// the tests expect it
// on line 30.
func NewOrders(d *db.DB) *Orders { return &Orders{d} }
