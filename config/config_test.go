package config_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/config"
	"github.com/gatehouse-go/gatehouse/module"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type database struct {
	URL     string        `env:"URL,notEmpty"`
	Timeout time.Duration `env:"TIMEOUT" envDefault:"5s"`
}

type settings struct {
	Addr    string        `env:"ADDR" envDefault:":3000"`
	Origins []string      `env:"ORIGINS"`
	Timeout time.Duration `env:"TIMEOUT"`
	Workers int           `env:"WORKERS,required"`
	Key     string        `env:"KEY_FILE,file"`
	Main    database      `envPrefix:"MAIN_"`
	Other   database      `envPrefix:"OTHER_"`
}

// Each field has the value of its variable, or its default.
func TestRead(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Read[settings](config.Prefix("CHAT_"), config.Environment(map[string]string{
		"CHAT_ORIGINS": "https://a.example,https://b.example", "CHAT_WORKERS": "4", "CHAT_KEY_FILE": key,
		"CHAT_MAIN_URL": "one", "CHAT_OTHER_URL": "two", "CHAT_OTHER_TIMEOUT": "7s", "WORKERS": "9",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != ":3000" || len(c.Origins) != 2 || c.Workers != 4 || c.Key != "secret" ||
		c.Main != (database{"one", 5 * time.Second}) || c.Other != (database{"two", 7 * time.Second}) {
		t.Errorf("got %+v", c)
	}
}

// The error lists every variable that is wrong, with its name and the reason, also where several fields have one name.
func TestAllProblems(t *testing.T) {
	_, err := config.Read[settings](config.Environment(map[string]string{
		"TIMEOUT": "soon", "KEY_FILE": "/nowhere", "MAIN_URL": "", "OTHER_TIMEOUT": "soon", "OTHER_URL": "two",
	}))
	const want = `config: config_test.settings: 5 problems:
	TIMEOUT is not a time.Duration: unable to parse duration: time: invalid duration "soon"
	WORKERS is not set
	KEY_FILE is a file that cannot be read: open /nowhere: no such file or directory
	MAIN_URL is empty
	OTHER_TIMEOUT is not a time.Duration: unable to parse duration: time: invalid duration "soon"`
	e, ok := errors.AsType[*config.Error](err)
	if !ok || e.Error() != want {
		t.Fatalf("got\n%v\nwant\n%s", err, want)
	}
	if e.Problems[0].Variable != "TIMEOUT" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%+v", e.Problems)
	}
}

type wrongDefault struct {
	Workers int `env:"WORKERS" envDefault:"many"`
}

func TestWrongDefault(t *testing.T) {
	_, err := config.Read[wrongDefault](config.Environment(map[string]string{}))
	if want := "the default of field Workers is not a int: "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	_, err = config.Read[int](config.Environment(map[string]string{}))
	if want := "int is not a struct"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

type limits struct {
	Least int `env:"LEAST"`
	Most  int `env:"MOST"`
}

var (
	errOrder = errors.New("LEAST is above MOST")
	errMost  = errors.New("MOST is above 10")
)

func (l *limits) Validate() error {
	var errs []error
	if l.Least > l.Most {
		errs = append(errs, errOrder)
	}
	if l.Most > 10 {
		errs = append(errs, errMost)
	}
	return errors.Join(errs...)
}

// Validate is called with the whole value.
func TestValidate(t *testing.T) {
	for most, want := range map[int][]error{5: nil, 11: {errOrder, errMost}, 1: {errOrder}} {
		least := "2"
		if most == 11 {
			least = "20"
		}
		_, err := config.Read[limits](config.Environment(map[string]string{"LEAST": least, "MOST": strconv.Itoa(most)}))
		if (err == nil) != (len(want) == 0) {
			t.Errorf("%d: %v", most, err)
		}
		for _, w := range want {
			if !errors.Is(err, w) {
				t.Errorf("%d: %v, want %v", most, err, w)
			}
		}
	}
}

type service struct{ c *limits }

func newService(c *limits) *service { return &service{c} }

// Any module injects the value; the start of an application has all problems in its error.
func TestModule(t *testing.T) {
	start := func(environment map[string]string) (*app.App, error) {
		inner := module.New("inner", module.Providers(newService))
		root := module.New("root", module.Imports(config.Module[limits](config.Environment(environment)), inner))
		a, err := app.New(root, app.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		return a, a.Start(t.Context())
	}
	a, err := start(map[string]string{"LEAST": "1", "MOST": "2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range module.Find[*service](a.Modules()) {
		if *s.c != (limits{1, 2}) {
			t.Errorf("got %+v", s.c)
		}
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = start(map[string]string{"LEAST": "few", "MOST": "many"})
	if e, ok := errors.AsType[*config.Error](err); !ok || len(e.Problems) != 2 || !strings.Contains(err.Error(), "MOST is not a int") {
		t.Errorf("Start: %v", err)
	}
}

// Errors name the line of the application that has called Module, not one of this package.
func TestPlaces(t *testing.T) {
	const at = "(config_test.go)"
	number := regexp.MustCompile(`\.go:\d+`)
	root := module.New("root", module.Imports(config.Module[limits](config.Environment(map[string]string{"LEAST": "x"}))))
	a, err := app.New(root, app.HTTP("127.0.0.1:0"), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	want := "module config of config_test.limits " + at + ": Module[config_test.limits] " + at + " failed: config: config_test.limits: 1 problem:"
	if err == nil || !strings.Contains(number.ReplaceAllString(err.Error(), ".go"), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	g, err := module.Resolve(root)
	if err != nil {
		t.Fatal(err)
	}
	for d := range g.Declared() {
		if want := "config.Module[config_test.limits] " + at; d.Type == reflect.TypeFor[*limits]() && number.ReplaceAllString(d.String(), ".go") != want {
			t.Errorf("got %s, want %s", d, want)
		}
	}
	_, err = module.Resolve(module.New("root", module.Imports(config.Module[limits](), config.Module[limits]()), module.Providers(func(*limits) int { return 0 })))
	if text := fmt.Sprint(err); err == nil || strings.Contains(text, "config/config.go") || strings.Contains(text, "Module[...]") || !strings.Contains(text, "config_test.go:") {
		t.Errorf("two: %s", text)
	}
}
