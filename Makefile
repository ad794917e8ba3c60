# Everything a developer runs. Needs Python 3.13, make and nothing else: the rest is installed into
# this folder (.venv, .scan, local/*/node_modules) and kept there (.local).

ROWS ?= 10000
DESTINATION ?= mailchimp
SECONDS ?= 60
EXAMPLES ?= 200
WORKERS ?= 3
VENV := .venv
PYTHON := $(VENV)/bin/python
CATALOGUES := shared/languages
NODE_MODULES := local/azurite/node_modules local/kusto/node_modules local/redocly/node_modules
SCAN := .scan

.DEFAULT_GOAL := help
.PHONY: help setup demo start stop bench fuzz chaos test unit lint types format catalogues tables lock audit sbom clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(NODE_MODULES:%=%/.installed) ## install all that the other targets need

demo: setup ## send ROWS profiles (10000) through the whole stack to the sandbox of DESTINATION (mailchimp)
	@$(PYTHON) -m local demo --destination $(DESTINATION) --rows $(ROWS)

start: setup ## start the local stack and keep it running until Ctrl-C
	@$(PYTHON) -m local start

stop: ## stop a stack started in another terminal
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m local stop

bench: setup ## measure all that docs/performance.md tells, and write the figures to .local/bench as JSON
	@$(PYTHON) -m tests.bench

fuzz: $(VENV)/.installed ## read odd files for SECONDS (60) and call the API in EXAMPLES (200) odd ways, other ones each time
	@$(PYTHON) -X faulthandler -m tests.segments.fuzz --seconds $(SECONDS)
	EXAMPLES=$(EXAMPLES) $(PYTHON) -m pytest -m fuzz

# A seed begins the same plan again; without one it is any.
chaos: setup ## kill hosts, stop storage, lose events … for SECONDS (60), plan after plan from SEED on; then simulate it
	@$(PYTHON) -m tests.chaos.real --seconds $(SECONDS) $(SEED:%=--seed %)
	@$(PYTHON) -m tests.chaos.simulated --seconds $(SECONDS)

# Much of their time the tests wait, so three processes of them keep two cores busy.
test: setup ## check everything, then run every test, side by side in WORKERS (3) processes
	@$(MAKE) --no-print-directory --jobs=2 lint types
	$(PYTHON) -m pytest --numprocesses=$(WORKERS) --durations=20

unit: $(VENV)/.installed $(SCAN)/.installed ## run only the tests that start no process
	$(PYTHON) -m pytest -m "not stack"

lint: $(VENV)/.installed $(SCAN)/.installed local/redocly/node_modules/.installed ## style, imports, templates, workflows and the OpenAPI document
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/lint-imports
	$(PYTHON) -m tests.infra.bicep
	$(PYTHON) -m tests.infra.scan
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/bin/zizmor --offline --quiet .github
	$(PYTHON) -m local.redocly

types: $(VENV)/.installed ## mypy in strict mode
	$(VENV)/bin/mypy

format: $(VENV)/.installed ## rewrite the code in the house style
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# No fuzzy matching: what is new is empty, and a test says so, rather than almost right.
catalogues: $(VENV)/.installed ## bring the messages of the code into the catalogue of each language
	@mkdir -p .local
	$(VENV)/bin/pybabel --quiet extract --no-default-keywords --keywords=say --keywords=say_count:1,2 \
		--add-location=file --output-file=.local/messages.pot shared
	@for file in $(CATALOGUES)/*.po; do \
	  $(VENV)/bin/pybabel --quiet update --input-file=.local/messages.pot --output-file=$$file \
	    --locale=$$(basename $$file .po) --width=100 --no-fuzzy-matching --ignore-obsolete \
	    --ignore-pot-creation-date || exit 1; \
	done

tables: $(VENV)/.installed ## write the tables of docs/destinations.md that the quality.toml of each vendor make
	$(PYTHON) -m tests.docs.destinations

# --universal: one file for every platform. The old pins are kept unless pyproject.toml rules them out.
# With hashes, pip takes nothing that the file does not name.
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.13 \
	--custom-compile-command "make lock"

lock: $(VENV)/.installed ## pin what pyproject.toml asks for into requirements*.txt
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) --group dev --constraints requirements.txt --output-file requirements-dev.txt
	$(LOCK) --group scan --output-file requirements-scan.txt

audit: $(VENV)/.installed ## ask for known weaknesses of every pinned package
	$(PYTHON) -m local.audit

# A tool of one purpose, which uv keeps apart from everything else.
sbom: $(VENV)/.installed ## list what production is made of, as CycloneDX (sbom.json)
	$(VENV)/bin/uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.txt \
	  --pyproject pyproject.toml --output-file sbom.json

clean: stop ## remove everything that setup and the stack made
	rm -rf $(VENV) $(SCAN) $(NODE_MODULES) sbom.json .local .hypothesis .*_cache
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

# Checkov's pins clash with ours, and the one parser that it pins too old is overridden in the lock.
$(SCAN)/.installed: requirements-scan.txt | $(VENV)/.installed
	$(PYTHON) -m venv --clear $(SCAN)
	$(VENV)/bin/uv pip install --quiet --no-deps --python $(SCAN)/bin/python --requirement requirements-scan.txt
	@touch $@

%/node_modules/.installed: %/package.json %/package-lock.json | $(VENV)/.installed
	$(PYTHON) -m local.node $*
	@touch $@
