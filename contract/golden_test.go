package contract_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/contract/typescript"
	"github.com/gatehouse-go/gatehouse/internal/tea"
	"github.com/gatehouse-go/gatehouse/web"
)

// TestDocuments: the documents and the client of an application with every kind of handler. Module test/contracts validates them, and the
// frames of that application by them.
func TestDocuments(t *testing.T) {
	contracttest.Golden(t, "testdata", tea.Module, contracttest.With(app.HTTP(":0", web.Prefix("/api"))),
		contracttest.Contract(contract.Version("1.2.3"), contract.URL("https://tea.example.com"), contract.AsyncAPIVersion("3.1.0")),
		contracttest.TypeScript("testdata", typescript.Runtime("../typescript/gatehouse.js")))
}

// TestBuilt: the documents of the started application are the same.
func TestBuilt(t *testing.T) {
	contracttest.Golden(t, "testdata", tea.Module, contracttest.Built(), contracttest.With(app.HTTP("127.0.0.1:0", web.Prefix("/api"))),
		contracttest.Contract(contract.Version("1.2.3"), contract.URL("https://tea.example.com"), contract.AsyncAPIVersion("3.1.0")))
}
