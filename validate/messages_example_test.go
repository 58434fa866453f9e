package validate_test

import (
	"context"
	"fmt"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/validate"
)

// Messages in another language.
func ExampleMessages() {
	pipe := validate.New(validate.Messages(func(v pipeline.Violation) string {
		switch v.Rule {
		case "required":
			return "fehlt"
		case "max":
			return "darf höchstens " + v.Param + " Zeichen haben"
		default:
			return "" // keep the English message
		}
	}))

	err := pipe.Transform(context.Background(), &pipeline.Call{}, &Message{Text: "a long story"})
	fmt.Println(err)
	// Output: Bad payload: room fehlt; text darf höchstens 10 Zeichen haben
}
