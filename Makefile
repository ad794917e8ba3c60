# Everything a developer runs. Needs Python 3.13, make and nothing else: the rest is installed into
# this folder (.venv, local/*/node_modules) and kept there (.local).

ROWS ?= 10000
DESTINATION ?= mailchimp
EXAMPLES ?= 500
VENV := .venv
PYTHON := $(VENV)/bin/python
NODE_MODULES := local/azurite/node_modules local/redocly/node_modules

.DEFAULT_GOAL := help
.PHONY: help setup demo start stop bench test unit fuzz lint types format lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(NODE_MODULES:%=%/.installed) ## install all that the other targets need

demo: setup ## send ROWS profiles (10000) through the whole stack to the sandbox of DESTINATION (mailchimp)
	@$(PYTHON) -m local demo --destination $(DESTINATION) --rows $(ROWS)

start: setup ## start the local stack and keep it running until Ctrl-C
	@$(PYTHON) -m local start

stop: ## stop a stack started in another terminal
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m local stop

bench: $(VENV)/.installed ## send a million profiles to each sandbox and compare with what its limits demand
	@$(PYTHON) -m tests.bench

test: setup lint types ## check everything and run every test
	$(PYTHON) -m pytest

unit: $(VENV)/.installed ## run only the tests that start no process
	$(PYTHON) -m pytest -m "not stack"

fuzz: $(VENV)/.installed ## call the API with EXAMPLES (500) made-up requests for each operation, and other ones each time
	EXAMPLES=$(EXAMPLES) $(PYTHON) -m pytest -m fuzz

lint: $(VENV)/.installed local/redocly/node_modules/.installed ## style, formatting, imports and the OpenAPI document
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/lint-imports
	$(PYTHON) -m local.redocly

types: $(VENV)/.installed ## mypy in strict mode
	$(VENV)/bin/mypy

format: $(VENV)/.installed ## rewrite the code in the house style
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# --universal: one file for every platform. The old pins are kept unless pyproject.toml rules them out.
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.13 \
	--custom-compile-command "make lock"

lock: $(VENV)/.installed ## pin what pyproject.toml asks for into requirements*.txt
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) --group dev --constraints requirements.txt --output-file requirements-dev.txt

clean: stop ## remove everything that setup and the stack made
	rm -rf $(VENV) $(NODE_MODULES) .local .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A python3.13 on PATH may be a pyenv shim that starts nothing, so each candidate must say 3.13 itself.
$(PYTHON):
	@for python in python3.13 \
	    "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13 \
	    "$$HOME"/.pyenv/versions/3.13*/bin/python3.13 \
	    "$$(uv python find 3.13 2>/dev/null)"; do \
	  version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	  [ "$$version" = 3.13 ] && exec "$$python" -m venv $(VENV); \
	done; \
	echo "Python 3.13 is missing: neither PATH nor pyenv nor uv has one. Install it and try again." >&2; \
	exit 1

$(VENV)/.installed: requirements.txt requirements-dev.txt | $(PYTHON)
	$(PYTHON) -m pip install --quiet --requirement requirements.txt --requirement requirements-dev.txt
	@touch $@

%/node_modules/.installed: %/package.json %/package-lock.json | $(VENV)/.installed
	$(PYTHON) -m local.node $*
	@touch $@
