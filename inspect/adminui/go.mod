module github.com/gatehouse-go/gatehouse/inspect/adminui

go 1.26.0

require (
	github.com/gatehouse-go/gatehouse v0.1.0
	github.com/go-chi/chi/v5 v5.5.0
	go.uber.org/fx v1.24.0
	golang.org/x/crypto v0.58.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/go-chi/cors v1.2.2 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	go.uber.org/dig v1.19.0 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.26.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
