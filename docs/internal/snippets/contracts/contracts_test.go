package contracts_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	shop "github.com/gatehouse-go/gatehouse/docs/internal/snippets/contracts"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// snippet:golden
func TestContract(t *testing.T) {
	contracttest.Golden(t, "api", shop.Module,
		contracttest.With(app.WebSockets(ws.New())),
		contracttest.Contract(contract.Title("Shop"), contract.Version("1.0.0"), contract.URL("https://shop.example.com")),
		contracttest.TypeScript("web"))
}

// end

// snippet:complete
func TestOrder(t *testing.T) {
	a := contracttest.Complete(t, shop.Module, apptest.With(app.WebSockets(ws.New())))
	a.DialWS("/shop").Call("order", shop.Order{Item: "tea"})
}

// end

func TestShop(t *testing.T) {
	c := contracttest.Complete(t, shop.Module, apptest.With(app.WebSockets(ws.New()))).DialWS("/shop")
	want := shop.Order{Item: "tea", Price: shop.Price{Cents: 1250}}
	if n := apptest.Call[int](c, "order", want); n != 1 {
		t.Errorf("%d clients", n)
	}
	if got := apptest.Expect[shop.Order](c, "ordered"); got != want {
		t.Errorf("got %+v", got)
	}
	if e := c.CallError("order", shop.Order{}); e.Code != "sold_out" {
		t.Error(e)
	}
}
