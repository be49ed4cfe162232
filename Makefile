# Switchhook: every target works from a clean clone on Debian with Go, Node.js and root. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO    ?= go
FUZZ  ?= 20m
PARTS ?=
DURATION ?= 8h
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
bench: ## measure it beside its peers (docs/performance.md); PARTS="media flood" takes some parts
	@test/bench/run $(PARTS)

.PHONY: fuzz
fuzz: ## fuzz every parser, FUZZ=20m in all
	@test/fuzz $(FUZZ)

.PHONY: soak
soak: ## mixed load for DURATION=8h at 70 % of the highest clean rate: nothing may grow, nothing may fail
	@test/bench/run -duration $(DURATION) soak

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache
