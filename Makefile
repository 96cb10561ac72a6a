# `make run` starts the app, `make test` passes the tests. Both first set up what is missing, and nothing twice:
# a stamp in .venv stands for each set of packages. The data set, which may come and go, is looked for each time.

ADDRESS ?= 127.0.0.1
PORT ?= 8501
BENCH ?= $(filter-out __init__ browser cluster frontier load own_network panel recipes refit results session setup shared study tutorial train%,$(basename $(notdir $(wildcard benchmarks/*.py))))

VENV := .venv
BIN := $(VENV)/bin
APP := $(VENV)/.requirements
DEV := $(VENV)/.requirements-dev
BUNDLE := pages/ui/node_modules/.package-lock.json
SCRIPTS := $(if $(shell command -v npm),$(BUNDLE))
PYTHON ?= $(firstword $(foreach name,python3.11 python3,$(shell command -v $(name))) python3)
LOCATE := $(BIN)/python -c 'from core.data.fashion import locate; locate()' 2>/dev/null
PIP := $(BIN)/python -m pip --disable-pip-version-check install $(if $(CI),--quiet)

# Tests run side by side, a process for each processor.
PYTEST := $(BIN)/python -m pytest --numprocesses=$(or $(WORKERS),$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)) --dist=loadfile

.PHONY: help run test slow-test lint audit format browser-test bench pictures reference data dataset setup pins clean
.DELETE_ON_ERROR:

# Where the Python that it was made with has gone, an environment is made again, with all that its stamps stand for.
$(shell test -x $(BIN)/python || rm -rf $(VENV))

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

run: setup  ## start the app at http://ADDRESS:PORT (127.0.0.1:8501)
	@echo "Starting PruneLab; Ctrl+C stops it."
	@MALLOC_ARENA_MAX=2 exec $(BIN)/python -m streamlit run streamlit_app.py --server.address $(ADDRESS) --server.port $(PORT)

test: $(DEV) dataset  ## pass the tests, all but the slow ones and those in a browser
	@echo "Running the tests"
	@$(PYTEST)

slow-test: $(DEV) dataset  ## pass the slow tests: real networks, worker processes that are killed, other users
	@echo "Running the slow tests"
	@$(PYTEST) -m slow

lint: $(DEV)  ## check format, lint, types and import rules
	@echo "Checking the format, the code, the types and the import rules"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile

audit: $(DEV)  ## look the packages up in the database of vulnerabilities, where it can be reached
	@echo "Auditing the dependencies"
	@$(BIN)/python tools/audit.py

format: $(DEV)  ## put the code into the checked format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

browser-test: $(DEV) dataset  ## pass the tests in a real browser (Debian's chromium)
	@command -v chromium >/dev/null || tools/apt-install chromium
	@echo "Running the browser tests"
	@$(PYTEST) -m browser tests/browser

bench: $(DEV) dataset  ## run the benchmarks; the long ones (cluster, frontier, load, own_network, refit, setup, shared, study, train*) only by name: make bench BENCH=NAME
	@for name in $(BENCH); do echo "Benchmark: $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

pictures: $(DEV) dataset  ## take the pictures of the documents again, of the real app; NAMES="slider" takes only some
	@command -v chromium >/dev/null || tools/apt-install chromium
	@$(BIN)/python -m tools.pictures $(NAMES)

reference: $(APP) dataset  ## train and profile the runs that ship in core/reference
	@$(BIN)/python -m core.reference.runs

setup: $(APP) $(SCRIPTS) dataset

data: $(APP)  ## find Fashion-MNIST, or fetch it; NAMES="mnist kmnist cifar-10" fetches others
	@test -n "$$PRUNELAB_DATA" || $(LOCATE) || tools/apt-install $$(cat packages.txt) \
	  || echo "Trying the data set's own server instead."
	@$(BIN)/python -m core.engine.download $(NAMES)

# Without the data the app still opens on the reference runs and the tests that need it are skipped, so this goes on.
dataset: $(APP)
	@$(LOCATE) || { echo "Looking for the data set"; $(MAKE) --no-print-directory data NAMES= ; } \
	  || echo "Going on without the data set; the next call looks again."

$(APP): requirements.txt constraints.txt $(BIN)/python
	@echo "Installing requirements.txt into $(VENV) (some gigabytes the first time, with torch)"
	@test -n "$(TORCH_INDEX)" || command -v nvidia-smi >/dev/null || echo "No NVIDIA card is found: with torch's index of CPU" \
	  "builds as TORCH_INDEX, set-up takes some gigabytes less (pytorch.org names it: Get started, pip, CPU)."
	@$(if $(TORCH_INDEX),PIP_EXTRA_INDEX_URL="$$PIP_EXTRA_INDEX_URL $(TORCH_INDEX)") $(PIP) -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(APP) | $(SCRIPTS)
	@echo "Installing requirements-dev.txt into $(VENV)"
	@$(PIP) -r requirements-dev.txt
	@touch $@

# A third of plotly.js, which browsers compile a second sooner. Without it, or without npm, they get the whole of it.
$(BUNDLE): pages/ui/package-lock.json
	@echo "Installing pages/ui/package.json by npm"
	@npm ci --prefix pages/ui --silent --no-audit --no-fund && touch $@ || echo "Going on without it."

$(BIN)/python:
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); tools/apt-install python3 python3-venv && python3 -m venv $(VENV); }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PruneLab needs Python 3.11 or newer")'

pins: $(DEV)  ## write constraints.txt anew from what is installed
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze | grep -viE '^(nvidia|cuda|triton)' \
	  | grep -vxFf requirements.txt | grep -vxFf requirements-dev.txt; } > $(VENV)/pins
	@mv $(VENV)/pins constraints.txt

clean:  ## remove the virtual environment and the caches of the tools
	rm -rf $(VENV) .*_cache .hypothesis pages/ui/node_modules
