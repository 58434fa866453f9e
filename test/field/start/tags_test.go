package start_test

import (
	"context"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// letter has a rule that does not exist, and parcel one that does not fit its field.
type (
	letter struct {
		To string `json:"to" validate:"requierd"`
	}
	parcel struct {
		Weight string `json:"weight" validate:"min=heavy"`
	}
)

// post handles letters by two events and two routes.
type post struct{}

func newPost() *post { return &post{} }

// Subscriptions implements [websockets.Subscriber].
func (*post) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("letter", func(context.Context, letter) error { return nil }),
		websockets.Listen("letters", func(context.Context, letter) error { return nil }),
		websockets.Listen("parcel", func(context.Context, []parcel) error { return nil }),
		websockets.Listen("number", func(context.Context, int) error { return nil }),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) { return 0, nil }),
	}
}

// office is a controller.
type office struct{}

func newOffice() *office { return &office{} }

// Routes implements [web.Routable].
func (*office) Routes(r chi.Router) {
	h := func(context.Context, letter) (int, error) { return 0, nil }
	r.Post("/letter", web.JSON(h))
	r.Post("/letters", web.JSON(h))
	r.Post("/none", web.JSON(func(context.Context, struct{}) (int, error) { return 0, nil }))
}

// TestValidateTagsAtTheStart: A typo in a validate tag showed with the first payload, to the client as an internal
// error; it is an error of the start that names handler, type and rule.
func TestValidateTagsAtTheStart(t *testing.T) {
	m := module.New("m", module.Providers(websockets.Gateway(newPost)), module.Controllers(newOffice))
	want(t, start(t, m), "")
	want(t, start(t, m, app.UsePipes(validate.New)),
		"web: controller start_test.newOffice (field/start/tags_test.go): POST /letter: JSON: validate: invalid tags of start_test.letter: Undefined validation function 'requierd' on field 'To': correct the tag or add the rule with validate.Rule\n"+
			"websockets: gateway start_test.newPost (field/start/tags_test.go): subscription \"letter\" (field/start/tags_test.go): validate: invalid tags of start_test.letter: Undefined validation function 'requierd' on field 'To': correct the tag or add the rule with validate.Rule\n"+
			"websockets: gateway start_test.newPost (field/start/tags_test.go): subscription \"parcel\" (field/start/tags_test.go): validate: invalid tag of start_test.parcel.Weight: \"min=heavy\": strconv.ParseInt: parsing \"heavy\": invalid syntax: correct the tag")
}
