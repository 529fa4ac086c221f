# Two commands do everything: `make site` and `make test`. The others are for those who change things.
# Everything is made in .venv, build and data; `make clean` removes the first two.

PYTHON ?= python3
# Processes that tests run in: each has a browser, a PostgreSQL server and at times a model.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
KB := $(BIN)/kb
SITE_READY := $(VENV)/.site-ready
DEV_READY := $(VENV)/.dev-ready
BENCH_READY := $(VENV)/.bench-ready

.PHONY: site test test-long faults check bench eval hostile screenshots audit readers golden clean help

help:
	@echo "make site       set up, build the knowledge base and the web site"
	@echo "make test       set up and run the whole test suite"
	@echo "make check      style, types, import rules, curated files, the README's commands"
	@echo "make test-long  the long forms of the fault and hostile suites too"
	@echo "make faults     every fault in full, and the figures"
	@echo "make audit      what the audit finds in our own content"
	@echo "make hostile    hostile text on every kind of page; CORPUS=FOLDER takes more of it"
	@echo "make screenshots  a picture of every kind of page, in build/screenshots"
	@echo "make bench      what bench/ measures"
	@echo "make eval LABELS=FILE  how far the linker agrees with labelled abstracts"

site: $(SITE_READY)
	@$(KB) run --offline

# A file's tests run in one process, in order, since they share what they build; long files first.
BESIDE := -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: $(DEV_READY)
	@$(BIN)/python -m pytest -q -m "not slow" $(BESIDE)

test-long: $(DEV_READY)
	@$(BIN)/python -m pytest -q

# Half an hour: a thousand kills, ten thousand spoilt feeds, and every fault of every source.
faults: $(DEV_READY)
	@$(BIN)/python tests/faults/figures.py

check: $(DEV_READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(KB) check
	@$(BIN)/python tests/readme_commands.py

# make bench DUMP=arxiv.jsonl.xz LABELS=labels.jsonl STORE=kb.sqlite: see bench/README.md. A script
# that fails does not stop the others.
bench: $(BENCH_READY)
	@failed=""; \
	one() { echo "== $$1"; $(BIN)/python bench/"$$@" || failed="$$failed $$1"; }; \
	dump="$(if $(DUMP),--dump $(DUMP))"; \
	one startup.py; one query.py; one identity.py; one labelled.py; one map.py; \
	one embed.py $$dump; one linking.py; one graph.py; one search.py $(STORE); one postgres.py; \
	one site.py --works 500 2000 5000; \
	one bulk.py $$dump; \
	if [ -n "$(DUMP)" ]; then one increment.py $$dump; \
	else echo "== increment.py: left out, it needs DUMP"; fi; \
	if [ -n "$(DUMP)" ] && [ -n "$(LABELS)" ]; then \
		one funnel.py --labels "$(LABELS)" --corpus "$(DUMP)"; \
	else echo "== funnel.py: left out, it needs DUMP and LABELS"; fi; \
	one cluster.py $$dump; \
	one scale.py --write; one table.py --write; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# Labels come with texts by others, so they are not here; their form: kb eval links --help.
eval: $(SITE_READY)
	@test -n "$(LABELS)" || { echo "make eval LABELS=FILE: name a file of labelled abstracts"; exit 2; }
	@$(KB) eval links "$(LABELS)" $(if $(BY),--by "$(BY)") $(if $(AGREEMENT),--agreement "$(AGREEMENT)") \
		$(if $(WRITE),--write "$(WRITE)")

# make hostile CORPUS=FOLDER tries the strings of its JSON and text files in place of our own.
hostile: $(DEV_READY)
	@HOSTILE_CORPUS="$(CORPUS)" $(BIN)/python -m pytest -q -s tests/browser/test_hostile.py -k no_vector

screenshots: $(DEV_READY) site
	@$(BIN)/python tests/browser/screenshots.py build/site build/screenshots

# make audit SYNTHESIS=digest.txt CASES=cases.yaml also audits a synthesis by others.
audit: $(SITE_READY)
	@$(KB) init >/dev/null
	@$(BIN)/python bench/audit.py $(if $(SYNTHESIS),--synthesis $(SYNTHESIS)) $(if $(CASES),--cases $(CASES))

# The one foreign reader that no Python package has; its test is skipped where npm is not.
readers:
	npm install --silent --no-save --no-audit --no-fund --prefix build/readers @argdown/core@1.7.5

golden: $(DEV_READY)
	@UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/kb/test_render.py

clean:
	rm -rf build $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make site PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(SITE_READY): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[embed,site]"
	@touch $@

$(DEV_READY): $(SITE_READY)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[embed,site,dev]"
	@touch $@

$(BENCH_READY): $(DEV_READY)
	$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[embed,site,bench]"
	@touch $@
