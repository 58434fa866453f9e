.DEFAULT_GOAL := help
.PHONY: run cluster quick test lint bench fuzz chaos setup help

FUZZTIME ?= 1m
CHAOS ?= 10m

run: ## Run the example application
	scripts/setup page
	go run ./cmd/example

cluster: ## Run three nodes of it (ENGINE=redis, PROXY=nginx), see scripts/cluster
	scripts/setup page $(filter redis,$(ENGINE)) $(filter nginx,$(PROXY))
	scripts/cluster

quick: ## Run go vet and the fast tests, which need only Go, in less than a minute
	go vet work
	go test -short ./...

test: ## Run all tests of all modules, with the race detector, real clients and a browser
	scripts/setup tests
	scripts/test

lint: ## Check format, correctness, dependencies and known vulnerabilities
	scripts/setup linter
	scripts/lint

bench: ## Compare Gatehouse with its peers (BENCH=-quick: roughly; BENCH=cluster: on several nodes; BENCH=micro: the packages)
	bench/run $(BENCH)

fuzz: ## Run every fuzz target for FUZZTIME (default 1m)
	FUZZTIME=$(FUZZTIME) scripts/fuzz

chaos: ## Put bad networks between clients and servers for CHAOS (default 10m)
	scripts/setup clients
	cd test/chaos && CHAOS=$(CHAOS) go test -race -count=1 -timeout 0 .

setup: ## Install what tests, lint and the example need; again is fine
	scripts/setup

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
