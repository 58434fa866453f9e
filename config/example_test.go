package config_test

import (
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/config"
	"github.com/gatehouse-go/gatehouse/module"
)

type Config struct {
	Addr    string        `env:"ADDR" envDefault:":3000"`
	Timeout time.Duration `env:"TIMEOUT" envDefault:"10s"`
	Secret  string        `env:"SECRET,required"`
}

type Tokens struct{ secret string }

func NewTokens(c *Config) *Tokens { return &Tokens{c.Secret} }

// The module that all others inject the configuration from. app.Configure has options of the application from it.
func ExampleModule() {
	root := module.New("app",
		module.Imports(config.Module[Config](config.Prefix("CHAT_"))),
		module.Providers(NewTokens),
	)
	fmt.Println(root.Name())
	// Output: app
}

// All variables that are wrong are in one error.
func ExampleRead() {
	_, err := config.Read[Config](config.Environment(map[string]string{"TIMEOUT": "10"}))
	fmt.Println(err)
	// Output:
	// config: config_test.Config: 2 problems:
	// 	TIMEOUT is not a time.Duration: unable to parse duration: time: missing unit in duration "10"
	// 	SECRET is not set
}
