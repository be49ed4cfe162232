# Switchhook: every target works from a clean clone on Debian with Go, Node.js and root. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO    ?= go
FUZZ  ?= 30s
BIN   := bin/switchhook
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the program into bin/
	@mkdir -p bin
	$(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/switchhook

.PHONY: demo
demo: build ## one real call with its context, end to end, in ten seconds
	@./$(BIN) demo

.PHONY: test
test: ## install what the tests need, then lint, vet and run them all
	@test/run

.PHONY: lint
lint: ## the linters alone
	@test/run lint

.PHONY: unit
unit: ## unit tests alone, without the race detector
	$(GO) test ./...

.PHONY: bench
bench: ## measure signalling, media and context beside their peers (docs/performance.md)
	@test/bench/run

.PHONY: fuzz
fuzz: ## fuzz every parser, FUZZ=30s each
	@test/fuzz $(FUZZ)

.PHONY: soak
soak: build ## 100,000 calls in a row: memory, goroutines and descriptors return to where they began
	@test/bench/run soak

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache
