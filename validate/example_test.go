package validate_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/validate"
)

type Message struct {
	Room string   `json:"room" validate:"required,max=40"`
	Text string   `json:"text" validate:"required,max=10"`
	To   []Person `json:"to" validate:"max=50,dive"`
}

type Person struct {
	Name string `json:"name" validate:"required"`
}

func Example() {
	pipe := validate.New() // or the constructor itself: app.UsePipes(validate.New)

	err := pipe.Transform(context.Background(), &pipeline.Call{}, &Message{
		Room: "lobby", Text: "a long story", To: []Person{{}},
	})
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		fmt.Println(e.Status, e.Message)
	}
	// Output: 400 Bad payload: text may have at most 10 characters; to.0.name is required
}

// A custom rule with its message.
func ExampleRule() {
	type Article struct {
		Slug string `json:"slug" validate:"slug"`
	}
	slug := regexp.MustCompile(`^[a-z0-9-]+$`)
	pipe := validate.New(
		validate.Rule("slug", func(_ context.Context, f validator.FieldLevel) bool {
			return slug.MatchString(f.Field().String())
		}),
		validate.Messages(func(v pipeline.Violation) string {
			if v.Rule == "slug" {
				return "may have lower-case letters, digits and dashes only"
			}
			return ""
		}),
	)

	fmt.Println(pipe.Transform(context.Background(), &pipeline.Call{}, &Article{"No!"}))
	// Output: Bad payload: slug may have lower-case letters, digits and dashes only
}

// A test finds invalid tags.
func ExamplePipe_CheckType() {
	type Message struct {
		Text string `validate:"max=many"`
	}
	fmt.Println(validate.New().CheckType(reflect.TypeFor[Message]()))
	// Output: validate: invalid tag of validate_test.Message.Text: "max=many": strconv.ParseInt: parsing "many": invalid syntax: correct the tag
}
