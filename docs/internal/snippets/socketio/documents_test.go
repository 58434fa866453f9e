package main

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/docs/internal/documented"
	"github.com/gatehouse-go/gatehouse/module"
)

func TestDocuments(t *testing.T) {
	documented.Test(t, map[string]*module.Module{"socketio.Module": Module, "socketio.Recovering": Recovering, "socketio.Packed": Packed, "socketio.Sticky": Sticky})
}
