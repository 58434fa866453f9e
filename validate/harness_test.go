package validate

import (
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// violations returns what the pipe finds. An internal error fails the test.
func violations(t *testing.T, p *Pipe, payload any) []pipeline.Violation {
	t.Helper()
	err := p.Transform(t.Context(), &pipeline.Call{}, payload)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		t.Fatalf("internal error: %v", err)
	}
	if e.Code != pipeline.CodeBadPayload || e.Status != 400 {
		t.Errorf("code %q, status %d", e.Code, e.Status)
	}
	return e.Details.([]pipeline.Violation)
}

func only(t *testing.T, p *Pipe, payload any) pipeline.Violation {
	t.Helper()
	got := violations(t, p, payload)
	if len(got) != 1 {
		t.Fatalf("found %v, want one violation", got)
	}
	return got[0]
}
