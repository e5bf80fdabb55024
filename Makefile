# make run  and  make test  each work as the first command on a fresh machine with Python and make.
PYTHON ?= python3
EVENT ?= events/ess-lifecycle-hook-scale-out.json
PORT ?= 7070
WORLD ?=
FAULTS ?=
PART ?=
LESS ?=
IGNORED := $(LESS:%=--ignore=%)
RUNTIME ?= python3.10
INTERPRETER ?=
MANIFEST ?=

NO_INDEX := "The packages above could not be installed: give pip an index that it reaches, with PIP_INDEX_URL or a proxy."
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv/$(VERSION)
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# uv, where it is, installs in a fraction of the time; where it is not, or reaches no index, pip does.
PINNED := --require-hashes -r requirements.txt -r requirements-dev.txt
OURS := --no-deps --no-build-isolation --editable .
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
UV ?= $(shell command -v uv)
FAST := $(if $(UV),$(UV) pip install --quiet --python $(PY))

# Without it each of the tests' thousands of processes would compile all of its modules again.
unexport PYTHONDONTWRITEBYTECODE

# Workers wait for a part of their time, so there are four more than cores. Tests are handed out a few
# at a time: no worker is left with a long queue at the end.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 4)')
SPREAD = -n $(WORKERS) --maxschedchunk 4

# What Hypothesis draws follows from it: the command that make prints repeats a run.
SEED ?= $(shell $(PYTHON) -c 'import random; print(random.randrange(10**9))')
EXAMPLES ?= 10000
CHUNK ?=
WORLDS ?= 100000

# Extras stay in the pins: older pip looks for coverage[toml] past a pin of coverage, and finds no hash.
LOCK := $(VENV)/bin/uv pip compile --universal --python-version 3.10 --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --quiet

.PHONY: help setup clients run test coverage guest chain chaos worlds mutations pictures lint package check-settings bench localcloud lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(READY)  ## install everything into .venv/<version>

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	@$(if $(FAST),$(FAST) $(PINNED) ||) $(PIP) $(PINNED) || { echo $(NO_INDEX) >&2; exit 1; }
	$(if $(FAST),$(FAST) $(OURS) ||) $(PIP) $(OURS)
	@touch $@

clients: $(READY)  ## install what some tests need besides: other SDKs, and Serverless Devs
	$(PY) -m tests.integration.clients.install
	$(PY) -m tests.integration.deployment.tool

run: $(READY)  ## deliver EVENT=... to the function against a local cloud and show what happened
	@$(PY) -m tests.demo $(EVENT)

test: $(READY)  ## run the tests; LESS=... leaves folders or files out
	$(PY) -m pytest $(SPREAD) -m "not slow" --hypothesis-seed=$(SEED) $(IGNORED)

coverage: $(READY)  ## run the tests and see what they do not reach
	$(PY) -m pytest $(SPREAD) -m "not slow" --hypothesis-seed=$(SEED) --cov --cov-report=term

guest: $(READY)  ## the function, a guest and the program in it, in network namespaces; needs root
	$(PY) -m pytest -s -rs tests/integration/guest/test_together.py tests/integration/guest/test_managers.py tests/integration/guest/test_two_enis.py

chain: $(READY)  ## a backfill of 5 000 ENIs over many hops, in trouble; about two minutes
	$(PY) -m pytest -s tests/integration/test_chain.py

chaos: $(READY)  ## ten thousand worlds of chaos; SEED=... [CHUNK=...] repeats them
	$(PY) -m tests.chaos --examples $(EXAMPLES) --seed $(SEED) $(if $(CHUNK),--chunk $(CHUNK))

worlds: $(READY)  ## a hundred thousand worlds in process; WORLDS=... for fewer
	$(PY) -m tests.chaos.worlds --worlds $(WORLDS) --write

mutations: $(READY)  ## plant every deliberate defect and see it caught
	$(PY) -m tests.chaos.mutate

pictures: $(READY)  ## make the pictures of the documentation again; needs Chromium
	@$(PY) -m tests.pictures

lint: $(READY)  ## ruff, mypy and the import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

package: $(READY)  ## build/ as it is deployed, for RUNTIME=python3.10|python3.12 [INTERPRETER=path]
	@$(PY) -m deploy.package --runtime $(RUNTIME) $(if $(INTERPRETER),--interpreter $(INTERPRETER))

check-settings: $(READY)  ## refuse bad or misspelt variables of a deployment [MANIFEST=deploy/fc2/s.yaml]
	@$(PY) -m deploy.check $(if $(MANIFEST),--manifest $(MANIFEST))

bench: $(READY)  ## measure, and print a table; PART=... for some of it
	$(PY) -m tests.bench $(PART)

localcloud: $(READY)  ## a local Alibaba Cloud on PORT=7070 [WORLD=file] [FAULTS=file]
	$(PY) -m localcloud --port $(PORT) $(if $(WORLD),--world $(WORLD)) $(if $(FAULTS),--faults $(FAULTS))

lock: $(READY)  ## pin the dependencies of pyproject.toml again, with hashes
	$(PY) -m pip install --quiet uv
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) --group operator -c requirements.txt -o requirements-operator.txt
	$(LOCK) --group setup -c requirements.txt -c requirements-operator.txt -o requirements-setup.txt
	$(LOCK) --group dev -c requirements.txt -c requirements-operator.txt -c requirements-setup.txt -o requirements-dev.txt

clean:  ## remove what the other targets made
	rm -rf .venv build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
