module github.com/gatehouse-go/gatehouse/test/cli

go 1.26.0

require (
	github.com/gatehouse-go/gatehouse v0.1.0
	github.com/rogpeppe/go-internal v1.16.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
)
