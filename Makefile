# `make` alone lists the targets. Needs go (with a C compiler for the race detector), java 17 and mvn.

KAFKA_VERSION  := 4.3.1
CONSUL_VERSION := 1.19.2
LINT_VERSION   := 2.15.0

# Servers and tools are kept per user, keyed by version; internal/testenv looks in the same place.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kafka-sidecar
KAFKA := $(CACHE)/kafka-$(KAFKA_VERSION)
LINT  := $(CACHE)/golangci-lint-$(LINT_VERSION)/golangci-lint

# What is there already is not fetched: a consul on PATH, a Kafka installation named by KAFKA_HOME.
CONSUL_DEP := $(if $(shell command -v consul),,$(CACHE)/consul-$(CONSUL_VERSION)/consul)
KAFKA_DEP  := $(if $(KAFKA_HOME),,$(KAFKA))

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Packages under test at once. Each may start a broker and a Consul server of its own.
JOBS     ?= 2
# A count rather than a time: go ends a fuzz test that runs into its time with "context deadline exceeded" now and then.
FUZZTIME ?= 20000x
GOTEST   := go test -race -shuffle=on -count=1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help deps build demo lint test unit e2e fuzz clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: $(KAFKA_DEP) $(CONSUL_DEP) $(LINT) ## Fetch and build what the tests need into the cache (about 10 minutes the first time)

# Everything is made beside its place and then moved, so that an interrupted run leaves nothing half done.
$(KAFKA):
	mkdir -p $(CACHE)
	rm -rf $@.tmp
	mvn -q -B -Dstyle.color=never -f tools/kafka/pom.xml -Dkafka.version=$(KAFKA_VERSION) dependency:copy-dependencies -DoutputDirectory=$@.tmp
	mv -T $@.tmp $@

$(CACHE)/consul-$(CONSUL_VERSION)/consul:
	mkdir -p $(@D)
	cd tools/consul && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp github.com/hashicorp/consul
	mv $@.tmp $@

$(LINT):
	mkdir -p $(@D)
	cd tools/lint && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	mv $@.tmp $@

build: ## Build bin/sidecar, a static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/sidecar ./cmd/sidecar

demo: build ## Run the demo: an embedded broker, a small app and the sidecar between them
	bin/sidecar demo

lint: $(LINT) ## Check format, go vet and golangci-lint
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w is needed for:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(LINT) run

test: deps lint unit e2e ## Run everything: lint, the tests of all packages, end to end

unit: deps ## Run the tests of all packages but the end-to-end ones
	$(GOTEST) -p $(JOBS) -timeout 10m $$(go list ./... | grep -v /test/e2e)

e2e: deps build ## Run the end-to-end tests: real Kafka, real Consul, the real binary
	SIDECAR_BIN=$(CURDIR)/bin/sidecar $(GOTEST) -timeout 20m ./test/e2e

fuzz: ## Run each fuzz test with FUZZTIME inputs, some seconds each
	@set -e; for pkg in $$(go list ./...); do \
		for fuzz in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$fuzz"; go test -run '^$$' -fuzz "^$$fuzz\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

clean: ## Remove what was built here (the cache stays)
	rm -rf bin
	go clean -testcache
