// Package json_test holds docs/json.md against both codecs.
package json_test

import (
	"context"
	stdjson "encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// encoded are the rows of the first table: what is sent.
var encoded = []struct {
	value string // as on the page
	v     any
}{
	{"`[]int(nil)`", []int(nil)},
	{"`map[string]int(nil)`", map[string]int(nil)},
	{"`struct{ N int }` with `json:\",omitempty\"`, 0", struct {
		N int `json:",omitempty"`
	}{}},
	{"`[3]byte{1, 2, 3}`", [3]byte{1, 2, 3}},
	{"`\"<a> & b\"`", "<a> & b"},
	{"`time.Second`", time.Second},
}

// decoded are the rows of the second table: what is received, into a struct with the fields Name, Wait and Sum.
var decoded = []string{
	"`{\"name\":\"a\",\"name\":\"b\"}`",
	"`{\"wait\":1500}`",
	"`{\"sum\":[1,2,3]}`",
}

func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../../json.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := func(row string) {
		t.Helper()
		if !strings.Contains(page, row) {
			t.Errorf("docs/json.md has no row\n%s", row)
		}
	}
	for _, e := range encoded {
		std, err := stdjson.Marshal(e.v)
		if err != nil {
			t.Fatal(err)
		}
		v1, err := codec.V1{}.Append(nil, e.v)
		if err != nil || string(v1) != string(std) {
			t.Errorf("%s: JSONV1 sends %s, %v, encoding/json %s", e.value, v1, err, std)
		}
		own := "a start error"
		if b, err := codec.Append(nil, e.v); err == nil {
			own = "`" + string(b) + "`"
		}
		want(fmt.Sprintf("| %s | `%s` | %s |", e.value, std, own))
	}
	for _, text := range decoded {
		in := []byte(strings.Trim(text, "`"))
		type into struct {
			Name string
			Wait time.Duration
			Sum  [3]byte
		}
		var std, v1, own into
		if err := stdjson.Unmarshal(in, &std); err != nil {
			t.Fatal(err)
		}
		if err := (codec.V1{}).Unmarshal(in, &v1); err != nil || v1 != std {
			t.Errorf("%s: JSONV1 reads %v, %v, encoding/json %v", text, v1, err, std)
		}
		if err := codec.Unmarshal(in, &own, codec.Options{}); err == nil {
			t.Errorf("%s is no error", text)
		}
		want("| " + text + " |")
	}
}

type gateway struct{}

func (gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("list", func(context.Context, struct{}) ([]int, error) { return nil, nil }),
	}
}

// Module is the application of the page.
var Module = module.New("lists", module.Providers(websockets.Gateway(func() gateway { return gateway{} })))

func TestOption(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(
		// snippet:option
		app.WebSockets(ws.New()),
		app.JSON(websockets.JSONV1()),
		// end
	))
	if got := string(a.DialWS("/").Call("list")); got != "null" {
		t.Errorf("got %s", got)
	}
}
