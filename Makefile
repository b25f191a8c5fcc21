# Everything a person or a machine does with this repository. Needs make and Python 3.11 or newer, nothing else.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= runs/demo
DATA ?= data
# Tests run side by side, one thread each: a torch that takes every core in every worker is slower, not faster.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help demo test quick lint types format bench-startup bench-growth bench-steps bench-training bench-memory bench-meter bench-intervals bench-killed bench-overhead bench-fidelity bench-programs bench-mutations study clean

help: ## print this list
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp ## compile examples/digits.lp and train it (data included), into runs/demo
	$(BIN)/lpc run examples/digits.lp --out $(OUT) --overwrite

test: lint types ## style, types and every test
	$(TEST)

quick: $(VENV)/dev.stamp ## the tests that take seconds
	$(TEST) -m "not slow"

lint: $(VENV)/dev.stamp ## style: ruff check, ruff format --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp ## types: mypy --strict
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## put every file into the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-startup: $(VENV)/run.stamp ## time of `lpc check` as a whole process (half a minute)
	$(BIN)/python -m benchmarks.startup

bench-growth: $(VENV)/run.stamp ## time and memory of compiling chains of up to 10 000 blocks (half a minute)
	$(BIN)/python -m benchmarks.growth

bench-steps: $(VENV)/run.stamp ## time of one training step against the best written by hand (about five minutes)
	$(BIN)/python -m benchmarks.steps

bench-training: $(VENV)/run.stamp ## whole training of MNIST against bare steps, DATA=folder (about six minutes)
	$(BIN)/python -m benchmarks.training --data $(DATA)

bench-memory: $(VENV)/run.stamp ## activation memory against depth (about two minutes)
	$(BIN)/python -m benchmarks.memory

bench-meter: $(VENV)/dev.stamp ## what the energy meter costs: its own time, and runs with and without it (about three minutes)
	$(BIN)/python -m benchmarks.meter

bench-intervals: $(VENV)/dev.stamp ## whether intervals of `lpc bench` hold the truth as often as they say (two minutes)
	$(BIN)/python -m benchmarks.intervals

bench-killed: $(VENV)/run.stamp ## whether a bench killed twenty times ends in the same table (about eight minutes)
	$(BIN)/python -m benchmarks.killed

bench-overhead: $(VENV)/run.stamp ## what `lpc bench` adds to its runs, Fashion-MNIST, DATA=folder (about ten minutes)
	$(BIN)/python -m benchmarks.bench_overhead --data $(DATA)

bench-fidelity: $(VENV)/run.stamp ## accuracy on MNIST beside published figures, DATA=folder (about two hours, resumable)
	$(BIN)/python -m benchmarks.fidelity --data $(DATA)

bench-programs: $(VENV)/dev.stamp ## found bugs: 10 000 random programs, compiled, compared and run (fifty minutes of one core)
	$(BIN)/python -m benchmarks.programs --save runs/programs

bench-mutations: $(VENV)/dev.stamp ## mutation score: changed rules and passes against laws and validation (half an hour)
	$(BIN)/python -m benchmarks.mutations --out runs/mutations --jobs 2

study: $(VENV)/dev.stamp ## a published study again, both protocols, DATA=folder QUICK=--quick (six hours, resumable; quick: fifteen minutes)
	$(BIN)/python -m benchmarks.study --data $(DATA) $(QUICK)

clean: ## remove the virtual environment, caches and builds; runs/ and data/ stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find lpc tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A stamp is newer than what it was made from: a second run installs nothing.
$(VENV)/made.stamp:
	@test -n "$(PYTHON)" || { echo "lpc needs Python 3.11 or newer; none was found on the PATH (or say: make PYTHON=/path/to/python3)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) has no working venv module (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@touch $@

$(VENV)/run.stamp: pyproject.toml constraints.txt | $(VENV)/made.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[run]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt tests/plugin/pyproject.toml | $(VENV)/made.stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,run,laws,lab]'
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable tests/plugin
	@touch $@ $(VENV)/run.stamp
