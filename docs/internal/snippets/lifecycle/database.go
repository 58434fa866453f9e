package lifecycle

import (
	"context"
	"database/sql"
)

// DSN is the address of a database.
type DSN string

// Database is opened at the start of the application and closed at its stop.
//
// snippet:database
type Database struct{ *sql.DB }

func NewDatabase(dsn DSN) (*Database, error) {
	db, err := sql.Open("pgx", string(dsn)) // by the name of the driver that you import
	if err != nil {
		return nil, err
	}
	return &Database{db}, nil
}

// OnModuleInit checks that the database can be reached: sql.Open does not connect.
func (d *Database) OnModuleInit(ctx context.Context) error { return d.PingContext(ctx) }

// OnApplicationShutdown closes it after everything that used it.
func (d *Database) OnApplicationShutdown(context.Context) error { return d.Close() }

// end
