//go:build !goexperiment.jsonv2

package validate

import (
	"testing"

	"github.com/go-json-experiment/json"
)

// A name may be a dash. With GOEXPERIMENT=jsonv2, Go 1.26 rejects the tag.
func TestNameDash(t *testing.T) {
	type dashed struct {
		Dash string `json:"-,omitempty" validate:"required"` //nolint:staticcheck // the decoder uses it as the name
	}
	var d dashed
	if v := violations(t, New(), &d); len(v) != 1 || v[0].Field != "-" {
		t.Errorf("found %+v", v)
	}
	if err := json.Unmarshal([]byte(`{"-":"x"}`), &d); err != nil || len(violations(t, New(), &d)) != 0 {
		t.Error(d, err)
	}
}
