# Everything a newcomer needs: `make` lists it.  PYTHON=… names an interpreter, ARGS=… adds flags.

BIN := .venv/bin
COMPOSE ?= docker compose
# What API tests run, unless named: the programs that `make kube-assets` has built, if it has.
WITH_KUBE = KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$$(scripts/kube_assets/build.py --built)}"
HELLO := -f examples/hello --service default/event-display=127.0.0.1:8081

.DEFAULT_GOAL := help
.PHONY: help run test check format test-compose chaos bench-ingress bench-dispatch bench-filters bench-sources deploy constraints kube-assets clean

help: ## list these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run.installed ## run everything here: Kafka, Broker, Triggers and a sample subscriber
	@exec $(BIN)/tradewind up $(HELLO) --run 'python examples/hello/subscriber.py --port 8081' $(ARGS)

test: .venv/dev.installed ## run the tests, a real embedded Kafka among them
	$(WITH_KUBE) $(BIN)/pytest $(ARGS)

check: .venv/dev.installed ## everything that CI checks: format, lint, types, import contracts, tests with coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(WITH_KUBE) $(BIN)/pytest --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --skip-covered
	$(BIN)/coverage report --skip-covered --fail-under=100 --include="$$($(BIN)/python scripts/pure)"

format: .venv/dev.installed ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-compose: .venv/dev.installed ## bring docker-compose.yml up and try it; COMPOSE names another `docker compose`
	COMPOSE='$(COMPOSE)' $(BIN)/pytest tests/compose $(ARGS)

chaos: .venv/dev.installed ## kill, stop and restart Kafka, dispatchers and subscriber for CHAOS_SECONDS (300); CHAOS_SEED repeats
	CHAOS_SECONDS=$${CHAOS_SECONDS:-300} CHAOS_SEED=$${CHAOS_SEED:-$$(date +%s)} $(BIN)/pytest -s tests/process/test_chaos.py $(ARGS)

bench-ingress: .venv/dev.installed ## measure the ingress beside its floors, with `wrk`; ARGS='--quick' is shorter
	@command -v wrk >/dev/null || { echo "wrk is not here: install it (Debian: apt-get install wrk)." >&2; exit 1; }
	$(BIN)/python -m benchmarks.ingress $(ARGS)

bench-dispatch: .venv/dev.installed ## measure the dispatcher beside its floors; ARGS='--quick' is shorter
	$(BIN)/python -m benchmarks.dispatch $(ARGS)

bench-filters: .venv/dev.installed ## measure what matching an event against 1,000 Triggers costs, beside floors
	$(BIN)/python -m benchmarks.filters

bench-sources: .venv/dev.installed ## measure sources beside floors, with `wrk`; ARGS='--quick' is shorter
	@command -v wrk >/dev/null || { echo "wrk is not here: install it (Debian: apt-get install wrk)." >&2; exit 1; }
	$(BIN)/python -m benchmarks.sources $(ARGS)

deploy: .venv/dev.installed ## write the generated files of deploy/: CRDs from the model, tradewind.yaml from deploy/base
	$(WITH_KUBE) $(BIN)/python scripts/deploy

kube-assets: ## build the etcd, kube-apiserver, kube-controller-manager and kubectl that API tests run; it takes Go
	@scripts/kube_assets/build.py

constraints: .venv/dev.installed ## write down the versions that are installed now
	@echo '# What CI tested, by name and version: `pip install -c constraints.txt`.  Written by `make constraints`.' \
	  > constraints.txt
	@$(BIN)/python -m pip --disable-pip-version-check freeze --exclude-editable >> constraints.txt

clean: ## remove what was made here; events and downloads are kept
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov

.venv/run.installed: pyproject.toml constraints.txt
	@scripts/environment run

.venv/dev.installed: pyproject.toml constraints.txt
	@scripts/environment dev
