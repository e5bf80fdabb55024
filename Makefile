# make run  and  make test  each work as the first command on a fresh machine with Python and make.
PYTHON ?= python3
EVENT ?= events/ess-lifecycle-hook-scale-out.json
PORT ?= 7070
WORLD ?=
FAULTS ?=

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv/$(VERSION)
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# What Hypothesis draws follows from it: the command that make prints repeats a run.
SEED ?= $(shell $(PYTHON) -c 'import random; print(random.randrange(10**9))')
EXAMPLES ?= 10000
CHUNK ?=

.PHONY: help setup clients run test chaos mutations lint bench localcloud lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## install everything into .venv/<version>

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

clients: $(READY)  ## install the other SDKs that the local cloud is compared with
	$(PY) -m tests.integration.clients.install

run: $(READY)  ## deliver EVENT=... to the function against a local cloud and show what happened
	@$(PY) -m tests.demo $(EVENT)

test: $(READY)  ## run the tests
	$(PY) -m pytest -n 2 --hypothesis-seed=$(SEED) --cov --cov-report=term

chaos: $(READY)  ## ten thousand worlds of chaos; SEED=... [CHUNK=...] repeats them
	$(PY) -m tests.chaos --examples $(EXAMPLES) --seed $(SEED) $(if $(CHUNK),--chunk $(CHUNK))

mutations: $(READY)  ## plant every deliberate defect and see it caught
	$(PY) -m tests.chaos.mutate

lint: $(READY)  ## ruff, mypy and the import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

bench: $(READY)  ## how fast the local cloud is
	$(PY) -m tests.bench.bench_localcloud

localcloud: $(READY)  ## a local Alibaba Cloud on PORT=7070 [WORLD=file] [FAULTS=file]
	$(PY) -m tests.localcloud --port $(PORT) $(if $(WORLD),--world $(WORLD)) $(if $(FAULTS),--faults $(FAULTS))

lock: $(READY)  ## pin the dependencies of pyproject.toml again, with hashes
	$(PY) -m pip install --quiet uv
	$(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --quiet -o requirements.txt
	$(VENV)/bin/uv pip compile --group dev --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --quiet -c requirements.txt -o requirements-dev.txt

clean:  ## remove what the other targets made
	rm -rf .venv build .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
