# The commands of this project. `make` lists them. Needs Python 3.11 or newer and GNU make, nothing else:
# the first command sets up .venv from requirements-dev.lock, the next ones start at once.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:

SHELL := /bin/sh
PYTHON :=
ARGS :=

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/locked
READY := $(VENV)/ready

CACHES := .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist ranking_app.egg-info

# Our .venv as it was made: its scripts hold its path and its Python, so a copied or moved one has to be made anew.
usable = head -n 2 $(BIN)/pip 2>/dev/null | grep -qF '$(CURDIR)/$(BIN)/python' \
  && $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

ifneq ($(shell { $(usable); } && echo yes),yes)
.PHONY: $(LOCKED)
endif

.PHONY: help
help: ## lists these commands
	@echo 'make COMMAND [ARGS="..."] [PYTHON=/path/to/python3.12]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Examples:  make run ARGS="--rate 1000"     make test ARGS="-k windows"'

.PHONY: run
run: $(READY) ## starts Kafka, three workers, a simulated on-sale and the page; Ctrl-C ends it
	@$(BIN)/ranking-app demo $(ARGS)

.PHONY: test
test: lint types ## runs lint, types and every test; ARGS go to pytest
	@$(BIN)/python -m tests.run_all $(ARGS)

.PHONY: lint
lint: $(READY) ## checks style, formatting and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --config setup.cfg

.PHONY: types
types: $(READY) ## checks types
	@$(BIN)/mypy

.PHONY: format
format: $(READY) ## puts the code into the form that lint asks for
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

.PHONY: invariants
invariants: $(READY) ## takes out the line that keeps each invariant and sees a test fail; some minutes
	@$(BIN)/python -m tests.invariants $(ARGS)

.PHONY: bench
bench: $(READY) ## measures throughput beside stock Faust, and latency; some minutes
	@$(BIN)/python -m benchmarks $(ARGS)

# What the peers need is no dependency of this project: benchmarks/peers/environments.py keeps it outside of this directory.
.PHONY: bench-peers
bench-peers: $(READY) ## measures every peer on the same topics, see docs/performance.md; an hour or two
	@$(BIN)/python -m benchmarks.peers $(ARGS)

.PHONY: bench-quick
bench-quick: $(READY) ## compares throughput with a plain dict; fails below half of what was recorded; two minutes
	@$(BIN)/python -m benchmarks.peers --quick $(ARGS)

# SEED, DURATION (seconds) and RATE (events a second): the same three give the same faults and events.
SEED :=
DURATION :=
RATE :=

.PHONY: faults
faults: $(READY) ## kills, cuts, fills and corrupts under load and compares every number; SEED=, DURATION=, RATE=
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(DURATION),--duration-seconds $(DURATION)) \
	  $(if $(RATE),--rate $(RATE)) $(ARGS)

# atheris is no dependency of this project: it gets an environment of its own, outside of this directory.
SECONDS := 600
FUZZ_VENV := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ranking-app/fuzz-venv
FUZZ_CORPUS := $(FUZZ_VENV)/corpus

.PHONY: fuzz
fuzz: $(READY) ## fuzzes the decoders with atheris for SECONDS=600; what fails is written to ./crash-…
	@test -x $(FUZZ_VENV)/bin/python || $(BIN)/python -m venv $(FUZZ_VENV)
	@$(FUZZ_VENV)/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(FUZZ_VENV)/bin/python -m pip install --quiet 'atheris == 3.0.0'
	@mkdir -p $(FUZZ_CORPUS)
	@$(FUZZ_VENV)/bin/python -m tests.fuzz.run -max_total_time=$(SECONDS) -max_len=4096 -dict=tests/fuzz/words.dict \
	  $(ARGS) $(FUZZ_CORPUS)

# The settings of this machine's pip must not decide what everybody installs. All hashes of all files are listed, so
# that one lock serves every Python and platform; the build backend is in it, so that nothing is installed unlocked.
compile = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet \
  --generate-hashes --allow-unsafe --strip-extras --annotation-style=line \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --build-deps-for=wheel --extra=archive --extra=local

# requirements.lock starts as a copy of the larger lock: the same versions and hashes, less what is not needed.
.PHONY: lock
lock: $(LOCKED) ## renews both locks after a change of setup.cfg; ARGS=--upgrade takes newer versions
	@echo 'Resolving; with new versions this takes some minutes.'
	@$(compile) --build-deps-for=editable --extra=dev $(ARGS) --output-file=requirements-dev.lock setup.cfg
	@cp requirements-dev.lock $(VENV)/runtime.lock
	@$(compile) --output-file=$(VENV)/runtime.lock setup.cfg
	@mv $(VENV)/runtime.lock requirements.lock
	@echo 'requirements.lock and requirements-dev.lock are up to date.'

.PHONY: clean
clean: ## removes .venv, caches and build leftovers
	@rm -rf $(VENV) $(CACHES)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(LOCKED) setup.cfg pyproject.toml
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check >/dev/null || { $(BIN)/python -m pip check; \
	  echo 'make: setup.cfg asks for what the lock does not hold: run "make lock"' >&2; exit 1; }
	@touch $@

$(LOCKED): requirements-dev.lock
	@$(usable) || { $(find_python); rm -rf $(VENV); "$$python" -m venv $(VENV); }
	@echo "Setting up $(VENV) with $$($(BIN)/python --version): $$(grep -c == requirements-dev.lock) packages," \
	  'about 250 MB the first time.'
	@$(BIN)/python -m pip --disable-pip-version-check install --require-hashes --requirement requirements-dev.lock || { \
	  echo 'make: the packages could not be installed, the reason is above. If a download failed: check the network' \
	  'and run the same command again, finished downloads are kept.' >&2; exit 1; }
	@touch $@

# A name on the PATH may be a stub that does not run, or a Python without venv: try, do not just look.
define find_python
python=; found=; \
for candidate in $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.11 python3); do \
  version=$$("$$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
  found="$$found $$candidate is $$version;"; \
  "$$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
  python="$$candidate"; break; \
done; \
if [ -z "$$python" ]; then \
  echo "make: this needs Python 3.11 or newer with venv; found:$${found:- none;}" \
  'Install one (on Debian and Ubuntu with python3-venv), or name it: make PYTHON=/path/to/python3' >&2; exit 1; \
fi
endef
