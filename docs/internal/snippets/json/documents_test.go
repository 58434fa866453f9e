package json_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/docs/internal/documented"
	"github.com/gatehouse-go/gatehouse/module"
)

func TestDocuments(t *testing.T) {
	documented.Test(t, map[string]*module.Module{"json.Module": Module})
}
