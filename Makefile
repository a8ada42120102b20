# Orderflow. `make` alone lists the targets.

PROGRAMS := .tools/bin/orderflow

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The program takes the place of the shell, so that a signal to make's child
# reaches it.
.PHONY: run
run: ## Run the whole product on this machine, until Ctrl-C
	@go build -o $(PROGRAMS)/run ./internal/devstack/run
	@exec $(PROGRAMS)/run --stop-with-parent

.PHONY: scale
scale: ## Change the number of workers of a running system: make scale WORKERS=3
	@go build -o $(PROGRAMS)/scale ./internal/devstack/scale
	@ORDERFLOW_WORKERS='$(WORKERS)' exec $(PROGRAMS)/scale

.PHONY: backup
backup: ## Copy the SQLite databases, also of a running system: make backup TO=folder
	@go build -o $(PROGRAMS)/backup ./internal/devstack/backup
	@exec $(PROGRAMS)/backup --to '$(TO)'

.PHONY: tools
tools: ## Build the development tools (Temporal, Consul) unless they are there
	@go run ./internal/toolchain/install

# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

# go test tells of a skipped test only when it is asked to tell everything, so
# what is missing on this machine is named here.
POSTGRES := $(shell command -v postgres 2>/dev/null || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | head -n 1)
NODE := node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 18 || major == 18 && minor >= 18 ? 0 : 1)' \
	2>/dev/null && (cd test/client && npm view typescript version --fetch-retries=0 --fetch-timeout=10000) >/dev/null 2>&1

.PHONY: test
test: tools ## Run all tests; what is missing on this machine is named as skipped
ifeq ($(RACE),)
	@echo "skipped: the race detector needs a C compiler"
	@case ",$$ORDERFLOW_REQUIRE," in *,race,*) exit 1;; esac
endif
	@[ -n "$(POSTGRES)$$ORDERFLOW_TEST_POSTGRES_DSN" ] || echo "skipped: needs PostgreSQL: every store, and the whole system, on it"
	@$(NODE) || echo "skipped: needs Node.js 18.18 with npm and its registry: a client that is generated from openapi.yaml"
	@[ "$$(id -u)" = 0 ] || echo "skipped: needs root: the stores on a full disk"
	@[ -d ../shared/data/northwind ] || echo "skipped: needs the Northwind data set: its imports"
	go vet ./...
	go test $(RACE) -timeout 45m ./...

.PHONY: generate
generate: ## Make the gateway's routes and types again from gateway/openapi/openapi.yaml
	go generate ./gateway/internal/openapiserver

.PHONY: histories
histories: tools ## Record the workflow histories that are missing, on a real Temporal server
	go test ./workflows -run TestRecordHistories -record -count=1

# Another seed each time, unless one is given: the output names it.
.PHONY: simulate
simulate: ## Play many orders in virtual time, with faults from a seed: make simulate SAGAS=20000 SEED=7
	SAGAS='$(or $(SAGAS),20000)' SEED='$(or $(SEED),$(shell date +%s))' \
		go test -count=1 -timeout 60m -v -run '^TestSagasKeepEveryPromise$$' ./test/simulation

.PHONY: outages
outages: tools ## Make one part of a running system sick after the other, and print what happens: make outages OUTAGE=60s
	ORDERFLOW_TEST_OUTAGE='$(or $(OUTAGE),60s)' \
		go test -count=1 -timeout 3h -v -run '^TestAnOutageHurtsOnlyWhatNeedsTheService$$' ./test/e2e

.PHONY: rolling
rolling: tools ## Restart everything under load, scale workers, fill a wall, and print what happens: make rolling ROUNDS=3 ORDERS=500 WAITING=500
	ROUNDS='$(or $(ROUNDS),3)' ORDERS='$(or $(ORDERS),500)' WAITING='$(or $(WAITING),500)' \
		go test -count=1 -timeout 1h -v -run '^(TestARollingRestartIsANonEvent|TestWorkersComeAndGoDuringAnImport|TestASlowPaymentStaysBehindItsWalls)$$' ./test/e2e

.PHONY: overload
overload: tools ## Offer three times what the system can sustain, and print what happens: make overload SECONDS=60
	SECONDS='$(or $(SECONDS),60)' \
		go test -count=1 -timeout 1h -v -run '^TestTheGatewayShedsWhatIsTooMuch$$' ./test/e2e

# Real processes, so many minutes; another seed each time, unless one is given.
# Runs that share a FOLDER aim at what the others have not reached.
.PHONY: chaos
chaos: tools ## Break the running product in every way: make chaos ORDERS=5000 FAULTS=100 MINUTES=10 SEED=7 DB=sqlite FOLDER=.chaos
	ORDERS='$(or $(ORDERS),5000)' FAULTS='$(or $(FAULTS),100)' MINUTES='$(MINUTES)' SEED='$(or $(SEED),$(shell date +%s))' DB='$(DB)' \
		REST='$(REST)' FOLDER='$(abspath $(FOLDER))' AIM_BY='$(abspath $(AIM_BY))' \
		go test -count=1 -timeout 5h -v -run '^TestThePromisesSurviveEveryFault$$' ./test/chaos

.PHONY: chaos-short
chaos-short: tools ## The fault test in its short form, always with the same seed
	SHORT=1 go test $(RACE) -count=1 -timeout 30m -v -run '^TestThePromisesSurviveSomeFaults$$' ./test/chaos

.PHONY: chaos-defects
chaos-defects: tools ## Break promises on purpose, to see that the fault test notices: make chaos-defects DEFECT=no-tombstone
	DEFECT='$(or $(DEFECT),all)' ORDERS='$(ORDERS)' MINUTES='$(MINUTES)' SEED='$(SEED)' \
		go test -count=1 -timeout 2h -v -run '^TestEveryDefectIsFound$$' ./test/chaos

# The machine should do nothing else meanwhile.
.PHONY: bench
bench: tools ## Measure what an order costs, as ratios, and write docs/benchmarks.md: make bench ROUNDS=5
	ROUNDS='$(or $(ROUNDS),5)' ORDERS='$(ORDERS)' \
		go test -count=1 -timeout 1h -v -run '^TestBenchmark$$' ./test/bench

.PHONY: bench-compare
bench-compare: tools ## Measure the product with other settings, or programs, against itself: make bench-compare WITH='GOGC=400'
	WITH='$(WITH)' PROGRAMS='$(PROGRAMS)' ROUNDS='$(ROUNDS)' ORDERS='$(ORDERS)' \
		go test -count=1 -timeout 1h -v -run '^TestCompare$$' ./test/bench

.PHONY: soak
soak: tools ## Place many orders, and see that no process grows with them: make soak ORDERS=20000
	SOAK='$(or $(ORDERS),20000)' go test -count=1 -timeout 2h -v -run '^TestSoak$$' ./test/bench

.PHONY: lint
lint: ## Run the linters, with the import table and the determinism of workflows
	go tool -modfile=tools/lint/go.mod golangci-lint run ./...
	go tool -modfile=tools/lint/go.mod workflowcheck ./workflows/...
