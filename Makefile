.DEFAULT_GOAL := help
.PHONY: run test lint bench fuzz setup help

FUZZTIME ?= 1m

run: ## Run the example application
	scripts/setup page
	go run ./cmd/example

test: ## Run all tests, with the race detector, real clients and a browser
	scripts/setup clients browser
	go vet ./...
	go test -race -timeout 20m ./...

lint: ## Check format, correctness, dependencies and known vulnerabilities
	scripts/setup linter
	scripts/lint

bench: ## Run the benchmarks of the packages
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run every fuzz target for FUZZTIME (default 1m)
	FUZZTIME=$(FUZZTIME) scripts/fuzz

setup: ## Install what tests, lint and the example need; again is fine
	scripts/setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
