// Package orders is a module for tests of messages.
package orders

import (
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/module/internal/shop/db"
)

// Module does not import db.Module, which Root makes reachable.
// Its position in this file (line 12) is
// part of the expected text.
var Module = module.New("orders", module.Exports(NewOrders))

// Root imports db and orders.
var Root = module.New("shop", module.Imports(db.Module, Module))

// Orders needs a database.
type Orders struct {
	DB *db.DB
}

// Store is implemented by *db.DB.
type Store interface {
	Ping() error
}

// NewOrders returns Orders.
// The tests expect it
// on line 30.
func NewOrders(d *db.DB) *Orders { return &Orders{d} }
