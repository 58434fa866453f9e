package decodeerr_test

import (
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

func Example() {
	var in struct {
		Stays []struct {
			From time.Time `json:"from"`
		} `json:"stays"`
	}
	err := json.Unmarshal([]byte(`{"stays":[{"from":5}]}`), &in)
	show(decodeerr.Of(err, decodeerr.Payload))

	_, err = strconv.Atoi("many")
	show(decodeerr.Text("limit", reflect.TypeFor[int](), "many", err))
	// Output:
	// Bad payload: stays.0.from must be a time in RFC 3339, not a number
	// [{"field":"stays.0.from","rule":"type","message":"must be a time in RFC 3339"}]
	// Bad payload: limit must be a number
	// [{"field":"limit","rule":"type","message":"must be a number"}]
}

func show(e *pipeline.Error) {
	details, err := stdjson.Marshal(e.Details)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n%s\n", e.Message, details)
}
