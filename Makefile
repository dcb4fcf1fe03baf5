# make without a target lists the targets.

GOLANGCI_LINT_VERSION := v2.15.0
ACTIONLINT_VERSION    := v1.7.12
GORELEASER_VERSION    := v2.15.4
KUSTOMIZE_VERSION     := v5.8.2
YQ_VERSION            := v4.54.1

# Tools are built from source, by version, into the repository's own folder.
# A version that is there is not built again.
TOOLS         := $(CURDIR)/.cache/bin
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
ACTIONLINT    := $(TOOLS)/actionlint-$(ACTIONLINT_VERSION)
GORELEASER    := $(TOOLS)/goreleaser-$(GORELEASER_VERSION)

BENCH         := $(CURDIR)/.cache/bench

BUILD := go build -trimpath -ldflags '-s -w'

# The race detector needs cgo; the go command turns that off where there is no C compiler.
RACE ?= $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# What GitHub publishes of its two APIs, by npm package and version, and what the
# tests recorded of ours. CONTRACT=required makes it a failure that the former
# cannot be had.
OPENAPI_VERSION := 23.0.2
GRAPHQL_VERSION := 15.26.1
DESCRIPTIONS := $(CURDIR)/.cache/contract
OPENAPI      := $(DESCRIPTIONS)/openapi-$(OPENAPI_VERSION).json
GRAPHQL      := $(DESCRIPTIONS)/schema-$(GRAPHQL_VERSION).graphql
EXCHANGES    := $(DESCRIPTIONS)/exchanges
RECORD        = rm -rf $(EXCHANGES) && mkdir -p $(EXCHANGES) && PAWL_CONTRACT_DIR=$(EXCHANGES)
COMPARE       = go test -count=1 ./pkg/forge/githubtest/contract -args -description $(OPENAPI) -schema $(GRAPHQL) -exchanges $(EXCHANGES)
UNCOMPARED    = echo "SKIPPED: no npm, or its registry cannot be reached, so the tests' exchanges are not compared with GitHub's descriptions"; test "$$CONTRACT" != required
NPM_PACK      = npm pack --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=2000 --fetch-timeout=20000 --pack-destination $(DESCRIPTIONS)

.DEFAULT_GOAL := help
.PHONY: help build install demo test test-full contract lint bench docs snapshot release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/pawl
	$(BUILD) -o bin/pawl ./cmd/pawl

install: ## install pawl where go install puts programs
	go install -trimpath -ldflags '-s -w' ./cmd/pawl

demo: build ## take the tour: an embedded GitHub, no token, no network
	bin/pawl demo

test: ## all tests (with the race detector if there is a C compiler), and the contract if npm can be had
	$(RECORD) go test -count=1 $(RACE) ./...
	go test -count=1 -tags portable ./pkg/disk
	@if $(MAKE) -s $(OPENAPI) $(GRAPHQL); then $(COMPARE); else $(UNCOMPARED); fi

test-full: ## all tests whole: every fault at every request, 50 jobs at once, 20 times over (takes up to an hour)
	PAWL_FULL=1 go test -count=1 -timeout 60m ./...

contract: ## compare what pawl and the embedded GitHub say in all tests with what GitHub publishes
	@if $(MAKE) -s $(OPENAPI) $(GRAPHQL); then $(RECORD) go test -count=1 ./... && $(COMPARE); else $(UNCOMPARED); fi

lint: $(GOLANGCI_LINT) $(ACTIONLINT) ## check style, the import rules and the workflows (builds its tools the first time)
	@unformatted=$$(gofmt -l cmd pkg); test -z "$$unformatted" || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(GOLANGCI_LINT) run ./...
	$(ACTIONLINT) -color

# Other programs must not be the measure of a disk: the files are in memory, if there is a place for that.
BENCH_FOLDER = $(shell test -w /dev/shm && echo /dev/shm)

bench: $(BENCH)/kustomize $(BENCH)/yq $(BENCH)/kyaml ## measure against the tools that would be used otherwise, into docs/benchmarks.md (builds them the first time)
	PATH=$(BENCH):$$PATH go test -run '^$$' -bench . -benchtime 5x -timeout 60m ./cmd/pawl -args -report $(CURDIR)/docs/benchmarks.md -folder "$(BENCH_FOLDER)"

docs: ## generate the reference, the schema and the images
	go generate ./...

snapshot: $(GORELEASER) ## build the release archives into dist/, without publishing anything
	$(GORELEASER) release --snapshot --clean --skip=publish

release: $(GORELEASER) ## build and publish the release of the current tag (the release workflow does this)
	$(GORELEASER) release --clean

clean: ## remove what was built; the tools stay
	rm -rf bin dist completions coverage.out

$(GOLANGCI_LINT): PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
$(ACTIONLINT):    PACKAGE := github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
$(GORELEASER):    PACKAGE := github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION)
$(GOLANGCI_LINT) $(ACTIONLINT) $(GORELEASER):
	@echo "building $(PACKAGE) (minutes, the first time)"
	@mkdir -p $@.new
	GOBIN=$@.new GOFLAGS= go install $(PACKAGE)
	@mv $@.new/* $@ && rmdir $@.new

$(BENCH)/kustomize:
	GOBIN=$(BENCH) GOFLAGS= go install sigs.k8s.io/kustomize/kustomize/v5@$(KUSTOMIZE_VERSION)
$(BENCH)/yq:
	GOBIN=$(BENCH) GOFLAGS= go install github.com/mikefarah/yq/v4@$(YQ_VERSION)

# With the kyaml of go.mod. What else its package reader needs is none of the project's business.
$(BENCH)/kyaml: go.mod go.sum cmd/pawl/testdata/kyaml/main.go
	@mkdir -p $(BENCH) && cp go.mod go.sum $(BENCH)
	$(BUILD) -mod=mod -modfile=$(BENCH)/go.mod -o $@ ./cmd/pawl/testdata/kyaml

$(OPENAPI): ARCHIVE := $(DESCRIPTIONS)/octokit-openapi-$(OPENAPI_VERSION).tgz
$(OPENAPI):
	@mkdir -p $(DESCRIPTIONS)
	@$(NPM_PACK) @octokit/openapi@$(OPENAPI_VERSION) >/dev/null
	@tar -xzOf $(ARCHIVE) package/generated/api.github.com.json > $@.new && mv $@.new $@ && rm $(ARCHIVE)

$(GRAPHQL): ARCHIVE := $(DESCRIPTIONS)/octokit-graphql-schema-$(GRAPHQL_VERSION).tgz
$(GRAPHQL):
	@mkdir -p $(DESCRIPTIONS)
	@$(NPM_PACK) @octokit/graphql-schema@$(GRAPHQL_VERSION) >/dev/null
	@tar -xzOf $(ARCHIVE) package/schema.graphql > $@.new && mv $@.new $@ && rm $(ARCHIVE)
