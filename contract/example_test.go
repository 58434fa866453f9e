package contract_test

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/tea"
)

func ExampleFrom() {
	d, err := app.Describe(tea.Module)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := contract.From(d, contract.Title("Tea"), contract.URL("https://tea.example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	docs, err := m.Documents()
	for _, d := range docs {
		fmt.Println(d.Name)
	}
	fmt.Println(len(m.Problems), err)
	// Output:
	// asyncapi.json
	// openapi.json
	// 0 <nil>
}
