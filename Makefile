# `make demo` and `make test` work from a fresh clone: each sets up .venv first, once.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test check bench format notebooks setup clean
.DEFAULT_GOAL := help

help:            ## what each target does
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(READY)  ## create .venv and install everything (demo, test and check do it themselves)

# Runs again only when what is to be installed changes.
$(READY): pyproject.toml tools/setup.sh tools/torchvision_on_cpu.py
	@sh tools/setup.sh $(VENV)
	@touch $@

demo: $(READY)   ## the main job on this machine: a video, its clips in a table, a true description of each
	@$(BIN)/ytcurate demo

test: $(READY)   ## every test: the real client, the local cluster, the real engine
	$(BIN)/python -m pytest -n 2 --dist loadscope

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## measure against the plain way and write bench/RESULTS.md (half an hour; leave the machine alone)
	$(BIN)/python -m bench.results

format: $(READY) ## rewrite the files as `check` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(READY) ## open the notebooks
	$(BIN)/jupyter lab notebooks

clean:           ## remove .venv and caches; data of the local cluster stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
