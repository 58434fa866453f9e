package main

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/docs/internal/documented"
	"github.com/gatehouse-go/gatehouse/module"
)

func TestDocuments(t *testing.T) {
	documented.Test(t, map[string]*module.Module{"websocket.Module": Module, "websocket.ByLines": ByLines, "websocket.Explaining": Explaining, "websocket.Recovering": Recovering})
}
