package apptest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Weather is a dependency that tests replace.
type Weather interface{ Today(city string) string }

type station struct{}

func newStation() *station { return &station{} }

func (*station) Today(string) string { return "as measured" }

type WeatherGateway struct{ weather Weather }

func NewWeatherGateway(w Weather) *WeatherGateway { return &WeatherGateway{w} }

func (g *WeatherGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("today", g.Today)}
}

func (g *WeatherGateway) Today(_ context.Context, city string) (string, error) {
	return g.weather.Today(city), nil
}

var weatherModule = module.New("weather",
	module.Providers(module.As[Weather](newStation)),
	module.Exports(websockets.Gateway(NewWeatherGateway, websockets.Path("/weather"))),
)

// A test of a complete application over a real connection.
func ExampleNew() {
	test := func(t *testing.T) {
		a := apptest.New(t, weatherModule, apptest.With(app.WebSockets(ws.New())))
		c := a.DialWS("/weather")
		if got := apptest.Call[string](c, "today", "Oslo"); got != "as measured" {
			t.Errorf("got %q", got)
		}
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}

type fakeWeather struct{}

func (fakeWeather) Today(city string) string { return "sunny in " + city }

// The same application with a fake in place of a provider.
func ExampleOverride() {
	test := func(t *testing.T) {
		a := apptest.New(t, weatherModule,
			apptest.With(app.WebSockets(ws.New())),
			apptest.Override[Weather](fakeWeather{}))
		if got := apptest.Call[string](a.DialWS("/weather"), "today", "Oslo"); got != "sunny in Oslo" {
			t.Errorf("got %q", got)
		}
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}
