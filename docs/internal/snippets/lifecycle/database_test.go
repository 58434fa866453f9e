package lifecycle_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/lifecycle"
	"github.com/gatehouse-go/gatehouse/module"
)

// connections counts what is open: it is a driver whose databases are empty.
type connections struct{ opened, open int }

func (c *connections) Open(string) (driver.Conn, error) {
	c.opened++
	c.open++
	return &connection{c}, nil
}

// A driver is registered once for each process, however often the test runs.
var (
	all        = &connections{}
	registered sync.Once
)

type connection struct{ all *connections }

func (*connection) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (*connection) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }
func (c *connection) Close() error                      { c.all.open--; return nil }

func TestDatabaseIsOpenFromStartToStop(t *testing.T) {
	registered.Do(func() { sql.Register("pgx", all) })
	before := all.opened
	root := module.New("app", module.Providers(lifecycle.NewDatabase, module.Value(lifecycle.DSN("x"))))
	a, err := app.New(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all.opened != before+1 || all.open != 1 {
		t.Errorf("after the start: %+v", all)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all.open != 0 {
		t.Errorf("after the stop: %+v", all)
	}
}
