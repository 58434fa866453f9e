package main

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/contract/typescript"
)

// TestContract: the documents in api, and the client in TypeScript, are what the application serves.
func TestContract(t *testing.T) {
	s := program.Settings{
		Addr: "127.0.0.1:3000", StatsAddr: "127.0.0.1:3001", Platforms: platforms.Both(), Key: login.NewKey(), TokenLife: time.Hour,
	}
	contracttest.Golden(t, "api", s.Module(), contracttest.With(s.Options()...), contracttest.Comments(),
		contracttest.Contract(contract.Title("Chat"), contract.URL("http://127.0.0.1:3000")), contracttest.TypeScript("api", typescript.Runtime("../../../contract/typescript/gatehouse.js")))
}
