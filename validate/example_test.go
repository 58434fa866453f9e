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

// A rule of one's own, and what the client is told of it.
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

// Mistakes in tags are found in a test.
func ExamplePipe_CheckType() {
	type Message struct {
		Text string `validate:"max=many"`
	}
	fmt.Println(validate.New().CheckType(reflect.TypeFor[Message]()))
	// Output: validate: the tag of validate_test.Message.Text is wrong at "max=many": strconv.ParseInt: parsing "many": invalid syntax; correct it
}
