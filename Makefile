# Sidelight. `make` lists the targets.

GO      ?= go
BIN     := bin
# Functions are aligned to 16 bytes instead of 32, which takes 0.2 MB off.
LDFLAGS := -s -w -funcalign=16
# Code that runs once or at a person's pace is compiled without inlining, which
# takes 1.6 MB off the binary. Of the data, only HTTP and TLS pass through it: they
# work by the request, or in assembly. What a handshake computes with stays as it
# is, for which COLD is taken back by HOT; the last that matches counts.
MODULE  := github.com/sidelight-dev/sidelight
COLD    := github.com/aws/... github.com/spf13/... go.yaml.in/... encoding/asn1 encoding/csv encoding/json encoding/pem encoding/xml \
           crypto/... flag log log/... math/big mime/... net/... os/exec os/signal os/user path/... reflect regexp/... runtime/pprof \
           text/... vendor/golang.org/... \
           $(addprefix $(MODULE)/,cmd/... agent agent/config/... agent/firelens agent/fluentconf agent/recipe/... agent/refused agent/scraper/... agent/status \
           agent/supervise internal/alarm internal/filterpattern internal/insights internal/metricmath internal/order internal/problem \
           internal/query internal/render internal/segment internal/traces \
           internal/sandbox internal/sandbox/api internal/sandbox/appsignals internal/sandbox/awsproto internal/sandbox/cloudwatch internal/sandbox/disk \
           internal/sandbox/fault internal/sandbox/logs internal/sandbox/sts internal/sandbox/tagging internal/sandbox/xray/...)
HOT     := crypto/internal/fips140/edwards25519/... crypto/internal/fips140/mlkem crypto/internal/fips140/nistec/...
GCFLAGS := $(foreach p,$(COLD),-gcflags=$(p)=-l) $(foreach p,$(HOT),-gcflags=$(p)=)
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' $(GCFLAGS)
# The command of a build is long: instead of it, its name is printed. make -n shows it.
SAY     := @echo building
# The program is built twice: in full, and as the agent alone, for images.
AGENT   := -tags agentonly
TOOL    := $(GO) tool -modfile=tools.mod
SHELL   := bash -o pipefail
# -race needs a C compiler; without one the tests run without it.
RACE    := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/sidelight bin/sidelight-agent ## build bin/sidelight, bin/sidelight-agent (the agent alone) and the demo's shop
	@mkdir -p $(BIN)/shop
	$(SAY) $(BIN)/shop
	@$(BUILD) -o $(BIN)/shop/ ./examples/shop/storefront ./examples/shop/orders ./examples/shop/payments ./examples/shop/load

.PHONY: bin/sidelight
bin/sidelight:
	$(SAY) $@
	@$(BUILD) -o $@ ./cmd/sidelight

.PHONY: bin/sidelight-agent
bin/sidelight-agent:
	$(SAY) $@
	@$(BUILD) $(AGENT) -o $@ ./cmd/sidelight

.PHONY: demo
demo: build ## see the whole product work, without an AWS account
	$(BIN)/sidelight demo $(DEMO)

.PHONY: test
test: ## run the tests; needs nothing but Go. A test that takes over 60 s fails
	$(GO) test -json $(RACE) -timeout 12m ./... | $(GO) run ./test/budget -limit 60s
	$(GO) test -json $(RACE) -timeout 12m $(AGENT) ./cmd/sidelight | $(GO) run ./test/budget -limit 60s

.PHONY: test-clients
test-clients: build ## run the tests with real clients; installs them (Debian packages, npm)
	test/clients/run.sh

.PHONY: test-vm
test-vm: ## compare measurements with the kernel's in a machine with cgroup v2 (QEMU, Debian)
	test/vm/run.sh

.PHONY: check
check: check-format check-vet check-static check-modules check-generated check-cross ## style, vet, staticcheck, modules, builds

.PHONY: check-format
check-format: ## gofumpt finds nothing to change
	@out="$$($(TOOL) gofumpt -l $$(git ls-files '*.go'))"; if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi

.PHONY: check-vet
check-vet: ## go vet, of both builds
	$(GO) vet -tags clients ./...
	$(GO) vet $(AGENT) ./cmd/...

.PHONY: check-static
check-static: ## staticcheck, of both builds
	$(TOOL) staticcheck -tags clients ./...
	$(TOOL) staticcheck $(AGENT) ./cmd/...

.PHONY: check-modules
check-modules: ## go.mod is tidy; licences and module lists are reviewed
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) test ./internal/deptest
	.ci/licences

.PHONY: check-generated
check-generated: ## generated files are up to date
	$(GO) generate ./...
	@git diff --exit-code -- . || (echo "go generate changed the files above"; exit 1)

.PHONY: check-cross
check-cross: ## both builds for amd64 and arm64, each within its size
	@for arch in amd64 arm64; do \
		GOARCH=$$arch $(BUILD) -o $(BIN)/sidelight-$$arch ./cmd/sidelight && \
		GOARCH=$$arch $(BUILD) $(AGENT) -o $(BIN)/sidelight-agent-$$arch ./cmd/sidelight && \
		$(call within,$(BIN)/sidelight-$$arch,24000000) && \
		$(call within,$(BIN)/sidelight-agent-$$arch,16000000) || exit 1; done

# within prints a file's size and fails if it is over a number of bytes.
within = { size=$$(stat -c %s $(1)); echo "$(1): $$size bytes of $(2)"; \
	[ $$size -le $(2) ] || { echo "$(1) is over its $(2) bytes"; false; }; }

.PHONY: lint
lint: ## golangci-lint, slower than check
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

.PHONY: format
format: ## gofumpt everything
	$(TOOL) gofumpt -w $$(git ls-files '*.go')

.PHONY: bench
bench: ## benchmarks of the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./internal/wire ./internal/pack ./agent/...

.PHONY: bench-logs
bench-logs: bin/sidelight-agent ## what logs cost: records per CPU-second and memory, one table (Linux)
	$(GO) run ./test/bench -agent $(BIN)/sidelight-agent $(BENCH)

.PHONY: bench-traces
bench-traces: bin/sidelight-agent ## what traces cost: spans and segments per CPU-second and memory, one table (Linux)
	$(GO) run ./test/bench -agent $(BIN)/sidelight-agent -signal traces $(BENCH)

.PHONY: bench-statsd
bench-statsd: bin/sidelight-agent ## what StatsD costs: samples and datagrams a second, lost ones and sums read back (Linux)
	$(GO) run ./test/bench -agent $(BIN)/sidelight-agent -signal statsd $(BENCH)

.PHONY: bench-scrapes
bench-scrapes: bin/sidelight-agent ## an hour of measuring host and a task of ten containers: CPU and memory by the minute (Linux)
	$(GO) run ./test/bench -agent $(BIN)/sidelight-agent -signal scrapes $(BENCH)

.PHONY: chaos
chaos: bin/sidelight-agent ## break things around the agent and compare its account with the truth (Linux), 12 min
	$(GO) run ./test/chaos -agent $(BIN)/sidelight-agent $(CHAOS)

.PHONY: chaos-short
chaos-short: bin/sidelight-agent ## the same with little load and short faults, less than a minute
	$(GO) run ./test/chaos -agent $(BIN)/sidelight-agent -short -parallel 5 $(CHAOS)

.PHONY: bench-files
bench-files: bin/sidelight-agent ## what 5,000 files cost that nobody writes to (Linux)
	test/idlefiles.sh $(BIN)/sidelight-agent

.PHONY: bench-metrics
bench-metrics: ## what measuring costs: CPU and allocations of a scrape
	$(GO) test -run '^$$' -bench . -benchmem ./agent/scraper/...

.PHONY: bench-sandbox
bench-sandbox: ## the sandbox's figures: start, ingestion, queries over a million rows, memory
	$(GO) test -run '^$$' -bench Figures -benchtime 5x -timeout 15m ./internal/sandbox

.PHONY: fuzz
fuzz: ## fuzz every parser for a while: make fuzz TIME=1m
	.ci/fuzz $(or $(TIME),30s)

.PHONY: footprint
footprint: build ## both builds: binary size, start time, idle memory
	test/footprint.sh $(BIN)/sidelight-agent $(BIN)/sidelight

.PHONY: size
size: ## how the size of a build is spent: make size, make size OF=sidelight-agent
	@mkdir -p $(BIN)/symbols
	@$(MAKE) --no-print-directory BIN=$(BIN)/symbols LDFLAGS='$(filter-out -s -w,$(LDFLAGS))' bin/$(or $(OF),sidelight) >/dev/null
	@test/size.sh $(BIN)/symbols/$(or $(OF),sidelight)

.PHONY: image
image: ## build the container images for this machine: sidelight, the agent alone, and sidelight:tool
	docker build -t sidelight .
	docker build -t sidelight:tool --target tool .

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)
