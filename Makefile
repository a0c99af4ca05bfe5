# `make` alone lists the targets. Needs go (with a C compiler for the race detector), java 17, mvn, python3 (3.10 or later) and node.

KAFKA_VERSION     := 4.3.1
CONSUL_VERSION    := 1.19.2
POSTGRES_VERSION  := 15.8.0
LINT_VERSION      := 2.15.0
TOXIPROXY_VERSION := 2.5.0
PROMTOOL_VERSION  := 0.316.0
ZOOKEEPER_VERSION := 3.9.4

# Servers and tools are kept per user, keyed by version; internal/testenv looks in the same place.
CACHE     := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kafka-sidecar
KAFKA     := $(CACHE)/kafka-$(KAFKA_VERSION)
LINT      := $(CACHE)/golangci-lint-$(LINT_VERSION)/golangci-lint
TOXIPROXY := $(CACHE)/toxiproxy-$(TOXIPROXY_VERSION)/toxiproxy
PROMTOOL  := $(CACHE)/promtool-$(PROMTOOL_VERSION)/promtool
ZOOKEEPER := $(CACHE)/zookeeper-$(ZOOKEEPER_VERSION)

POSTGRES      := $(CACHE)/postgres-$(POSTGRES_VERSION)
POSTGRES_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64v8,amd64)

# Where the examples in Python run: the library is installed there anew each time.
EXAMPLES_VENV := $(CACHE)/examples-python

# The tools of the Python SDK, made anew when a requirement changes. Spark brings its jars; its Kafka source comes beside it.
PYTHON_REQUIREMENTS := sdk/python/requirements-dev.txt sdk/python/requirements-spark.txt
PYTHON_ENV          := $(CACHE)/python-$(shell cat $(PYTHON_REQUIREMENTS) | cksum | cut -d ' ' -f 1)
PYTHON              := $(PYTHON_ENV)/bin/python
SPARK_VERSION       := $(shell sed -n 's/^pyspark==//p' sdk/python/requirements-spark.txt)
SPARK_KAFKA         := $(CACHE)/spark-kafka-$(SPARK_VERSION)

# What drives the browser for the tests of the page, anew when the lock file changes; and a Chromium, for machines without one.
PAGE_ENV := $(CACHE)/page-$(shell cksum < test/page/package-lock.json | cut -d ' ' -f 1)

JAVA_VERSION := $(shell sed -n 's:^  <version>\(.*\)</version>:\1:p' sdk/java/pom.xml)
JAVA_JAR     := sdk/java/target/kafka-sidecar-$(JAVA_VERSION).jar

# What is there already is not fetched: a consul on PATH, an installation named by KAFKA_HOME or POSTGRES_HOME.
CONSUL_DEP   := $(if $(shell command -v consul),,$(CACHE)/consul-$(CONSUL_VERSION)/consul)
KAFKA_DEP    := $(if $(KAFKA_HOME),,$(KAFKA))
POSTGRES_DEP := $(if $(POSTGRES_HOME),,$(POSTGRES))

MVN     := mvn -B -ntp -Dstyle.color=never
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Packages under test at once. Each may start a broker and a Consul server of its own.
JOBS     ?= 2
# A count rather than a time: go ends a fuzz test that runs into its time with "context deadline exceeded" now and then.
FUZZTIME ?= 20000x
CHAOS_TIME  ?= 30m
CHAOS_SEED  ?= 0
CHAOS_NODES ?= 1
SOAK_TIME   ?= 1h
OUTAGE_TIME ?= 10m
GOTEST   := go test -race -shuffle=on -count=1

WITH_POSTGRES := go run ./internal/testenv/withpostgres --

# Where the tests that run SDKs and examples find what was built.
SDK_ENV = SIDECAR_BIN=$(CURDIR)/bin/sidecar PYTHONPATH=$(CURDIR)/sdk/python/src \
	SIDECAR_TEST_PYTHON=$(PYTHON) SIDECAR_TEST_PYTHON_SPARK=$(PYTHON) SIDECAR_TEST_SPARK_KAFKA=$(SPARK_KAFKA) \
	SIDECAR_TEST_JAVA_JAR=$(CURDIR)/$(JAVA_JAR) SIDECAR_TEST_JAVA_LIBS=$(CURDIR)/sdk/java/target/libs/postgresql.jar

# What the bench runs besides: the Kafka client of Python, and its programs in Java with KafkaConsumer's and Jackson's jars.
BENCH_ENV     := $(CACHE)/bench-python-$(shell cksum < bench/requirements.txt | cut -d ' ' -f 1)
BENCH_CLASSES := bin/bench-java
BENCH_JARS     = $(CURDIR)/$(JAVA_JAR):$(or $(KAFKA_HOME:%=%/libs),$(KAFKA))/*
BENCH = SIDECAR_BIN=$(CURDIR)/bin/sidecar PYTHONPATH=$(CURDIR)/sdk/python/src BENCH_PYTHON=$(BENCH_ENV)/bin/python \
	BENCH_JAVA='$(CURDIR)/$(BENCH_CLASSES):$(BENCH_JARS)' go run ./bench

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help deps build demo lint test unit python java e2e page rules sdk examples faults chaos soak outage bench bench-check fuzz clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: $(KAFKA_DEP) $(CONSUL_DEP) $(POSTGRES_DEP) $(TOXIPROXY) $(PROMTOOL) $(ZOOKEEPER) $(LINT) $(PYTHON_ENV)/.complete $(SPARK_KAFKA) $(PAGE_ENV) ## Fetch and build what the tests need into the cache (about 10 minutes the first time)

# Everything is made beside its place and then moved, so that an interrupted run leaves nothing half done.
$(KAFKA):
	mkdir -p $(CACHE)
	rm -rf $@.tmp
	$(MVN) -q -f tools/kafka/pom.xml -Dkafka.version=$(KAFKA_VERSION) dependency:copy-dependencies -DoutputDirectory=$@.tmp
	mv -T $@.tmp $@

$(CACHE)/consul-$(CONSUL_VERSION)/consul:
	mkdir -p $(@D)
	cd tools/consul && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp github.com/hashicorp/consul
	mv $@.tmp $@

$(TOXIPROXY):
	mkdir -p $(@D)
	cd tools/toxiproxy && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@.tmp github.com/Shopify/toxiproxy/v2/cmd/server
	mv $@.tmp $@

$(ZOOKEEPER):
	mkdir -p $(CACHE)
	rm -rf $@.tmp
	$(MVN) -q -f tools/zookeeper/pom.xml -Dzookeeper.version=$(ZOOKEEPER_VERSION) dependency:copy-dependencies -DoutputDirectory=$@.tmp
	mv -T $@.tmp $@

# Without service discovery, which tests of rules do not need: a fraction of the packages.
$(PROMTOOL):
	mkdir -p $(@D)
	cd tools/promtool && CGO_ENABLED=0 go build -trimpath -tags remove_all_sd -ldflags '-s -w' -o $@.tmp github.com/prometheus/prometheus/cmd/promtool
	mv $@.tmp $@

$(POSTGRES):
	mkdir -p $(CACHE)
	rm -rf $@.tmp
	$(MVN) -q -f tools/postgres/pom.xml -Dpostgres.version=$(POSTGRES_VERSION) -Dpostgres.arch=$(POSTGRES_ARCH) \
		dependency:unpack-dependencies -DoutputDirectory=$@.tmp/archive -DmarkersDirectory=$@.tmp/archive
	tar -xJf $@.tmp/archive/postgres-*.txz -C $@.tmp
	rm -r $@.tmp/archive
	mv -T $@.tmp $@

$(SPARK_KAFKA):
	mkdir -p $(CACHE)
	rm -rf $@.tmp
	$(MVN) -q -f tools/spark/pom.xml -Dspark.version=$(SPARK_VERSION) dependency:copy-dependencies -DoutputDirectory=$@.tmp
	mv -T $@.tmp $@

$(PAGE_ENV):
	rm -rf $@.tmp
	mkdir -p $@.tmp
	cp test/page/package.json test/page/package-lock.json $@.tmp
	npm ci --prefix $@.tmp --silent --no-audit --no-fund --ignore-scripts
	mv -T $@.tmp $@

# A Python environment can't be moved; it is there when its mark is.
$(PYTHON_ENV)/.complete:
	rm -rf $(PYTHON_ENV)
	python3 -m venv $(PYTHON_ENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check $(addprefix -r ,$(PYTHON_REQUIREMENTS))
	touch $@

$(JAVA_JAR): sdk/java/pom.xml $(shell find sdk/java/src/main)
	$(MVN) -q -f sdk/java/pom.xml package -DskipTests
	touch $@

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

test: deps lint unit rules python java e2e page sdk examples faults ## Run everything: lint, the tests of all packages, the alerting rules, both SDKs, end to end, the page, the examples, the faults

unit: deps ## Run the tests of all Go packages but those that run the real binary
	$(GOTEST) -p $(JOBS) -timeout 10m $$(go list ./... | grep -v -e /test/e2e -e /test/page -e /test/sdk -e /test/examples -e '/test/chaos$$')

rules: $(PROMTOOL) ## Check and test the alerting rules of deploy/prometheus
	$(PROMTOOL) check rules deploy/prometheus/alerts.yaml
	$(PROMTOOL) test rules deploy/prometheus/alerts_test.yaml

python: deps ## Check the Python SDK: ruff, mypy, pytest with a real PostgreSQL and a real Spark
	cd sdk/python && $(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && $(PYTHON) -m mypy
	$(WITH_POSTGRES) sh -c 'cd sdk/python && PYTHONPATH=$(CURDIR)/sdk/python/src $(PYTHON) -m pytest -q'
	cd sdk/python && PYTHONPATH=$(CURDIR)/sdk/python/src SIDECAR_TEST_SPARK_KAFKA=$(SPARK_KAFKA) $(PYTHON) -m pytest -q tests_spark

java: deps ## Build and check the Java SDK, with a real PostgreSQL
	$(WITH_POSTGRES) $(MVN) -f sdk/java/pom.xml verify

e2e: deps build ## Run the end-to-end tests: real Kafka, real Consul, the real binary
	SIDECAR_BIN=$(CURDIR)/bin/sidecar $(GOTEST) -timeout 20m ./test/e2e

page: deps build ## Run the page in a Chromium: CHROMIUM, one on the PATH, or the one fetched; SCREENSHOTS names a folder for pictures
	SIDECAR_BIN=$(CURDIR)/bin/sidecar SIDECAR_TEST_PAGE=$(PAGE_ENV) go test -count=1 -timeout 20m ./test/page

sdk: deps build $(JAVA_JAR) ## Run both SDKs against the real binary, with kills, and a Spark job before and after its move
	$(MVN) -q -f sdk/java/pom.xml dependency:copy-dependencies -DincludeArtifactIds=postgresql -Dmdep.stripVersion=true -DoutputDirectory=$(CURDIR)/sdk/java/target/libs
	$(SDK_ENV) $(GOTEST) -timeout 20m ./test/sdk

examples: deps build ## Run the examples as their READMEs say
	$(PYTHON) -m ruff check examples && $(PYTHON) -m ruff format --check examples
	python3 -m venv $(EXAMPLES_VENV)
	$(EXAMPLES_VENV)/bin/pip install --quiet --disable-pip-version-check ./sdk/python
	$(SDK_ENV) SIDECAR_TEST_PYTHON=$(EXAMPLES_VENV)/bin/python $(GOTEST) -timeout 20m ./test/examples

# Without the race detector: the code under test is in processes of its own, and the apps here would be several times slower.
faults: deps build ## Break each thing once, then everything at random for half a minute, and have an oracle judge it
	SIDECAR_BIN=$(CURDIR)/bin/sidecar go test -shuffle=on -count=1 -parallel 6 -timeout 20m ./test/chaos

CHAOS := SIDECAR_BIN=$(CURDIR)/bin/sidecar go test -count=1 -v -timeout 0 ./test/chaos

chaos: deps build ## Break everything at random for CHAOS_TIME; CHAOS_SEED repeats a plan, CHAOS_FAULTS names some faults only, CHAOS_NODES=3 has clusters
	$(CHAOS) -run '^TestRandomFaults$$' -chaos.duration=$(CHAOS_TIME) -chaos.seed=$(CHAOS_SEED) -chaos.nodes=$(CHAOS_NODES) -chaos.faults='$(CHAOS_FAULTS)'

soak: deps build ## Restart replicas each minute under a steady load for SOAK_TIME; nothing may be repeated, nothing may grow
	$(CHAOS) -run '^TestSoak$$' -chaos.soak=$(SOAK_TIME)

outage: deps build ## Take the app, Consul, Kafka and all of them away for OUTAGE_TIME; nothing may grow or spin
	$(CHAOS) -run '^TestOutage$$' -chaos.outage=$(OUTAGE_TIME)

$(BENCH_ENV)/.complete:
	rm -rf $(BENCH_ENV)
	python3 -m venv $(BENCH_ENV)
	$(BENCH_ENV)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	touch $@

$(BENCH_CLASSES): $(JAVA_JAR) $(KAFKA_DEP) $(wildcard bench/apps/java/*.java)
	mkdir -p $@
	javac --release 17 -Xlint:all -cp '$(BENCH_JARS)' -d $@ bench/apps/java/*.java
	touch $@

bench: deps build $(BENCH_ENV)/.complete $(BENCH_CLASSES) ## Measure what the sidecar costs and write the tables of docs/performance.md (some hours)
	$(BENCH) -out docs/performance.md

bench-check: deps build $(BENCH_ENV)/.complete $(BENCH_CLASSES) ## Compare a short measurement with the goals
	$(BENCH) -check

fuzz: ## Run each fuzz test with FUZZTIME inputs, some seconds each
	@set -e; for pkg in $$(go list ./...); do \
		for fuzz in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$fuzz"; go test -run '^$$' -fuzz "^$$fuzz\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

clean: ## Remove what was built here (the cache stays)
	rm -rf bin sdk/java/target examples/*/target sdk/python/dist
	go clean -testcache
