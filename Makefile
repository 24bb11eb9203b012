# Two commands for a newcomer: `make demo` and `make test`. Both set up what they need in .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test pytest lint lint-style lint-types lint-imports lint-docs tree format docs site tuning-logs \
	arm-machine clean host

demo: $(VENV)/.compiler
	@$(BIN)/zcc demo
	@echo "zcc lies in $(BIN); to have it at hand: source $(BIN)/activate"

test: lint
	@$(MAKE) --no-print-directory pytest

# One more than there are cores: some tests wait for servers and clocks.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 1)
pytest: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --durations=10

# Its parts need nothing of each other: `make --jobs=2 lint`.
lint: lint-style lint-types lint-imports lint-docs

lint-style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/python tools/check_sizes.py
	$(BIN)/python tools/check_names.py
	$(BIN)/python tools/check_output.py

lint-types: tree
	MYPYPATH=build/lint $(BIN)/mypy -p zcc -p benchmarks

lint-imports: tree
	cd build/lint && PYTHONPATH=. ../../$(BIN)/lint-imports --config ../../pyproject.toml --no-cache

lint-docs: $(VENV)/.dev
	$(BIN)/python tools/generate_cli_docs.py --check
	$(BIN)/python tools/draw_architecture.py --check

tree: $(VENV)/.dev
	$(BIN)/python tools/lint_tree.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python tools/generate_cli_docs.py
	$(BIN)/python tools/draw_architecture.py

# The documentation as a site in build/site; whatever does not fit together is an error.
site: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# Adds the records of MODELS to those that ship: own instruction sets in every dtype, or those of TUNE_TARGET.
MODELS      ?= cli/sample/shapes.onnx
BUDGET      ?= 10m
TUNE_DTYPES ?= fp32,bf16,int8
TUNE_TARGET ?= native
TUNE_HOME   ?= build/tuning
tuning-logs: $(VENV)/.dev
	for model in $(MODELS); do \
	  $(BIN)/zcc tune "$$model" --dtype $(TUNE_DTYPES) --target $(TUNE_TARGET) --budget $(BUDGET) \
	    --registry $(TUNE_HOME) || exit; \
	done
	$(BIN)/zcc tune --export tuning_logs --registry $(TUNE_HOME)

# For the tests that run what was compiled for ARM: a folder for qemu-user (apt-get install qemu-user).
arm-machine: $(VENV)/.dev
	$(BIN)/python tools/arm_machine.py

clean:
	rm -rf $(VENV) build dist demo-out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A stamp is renewed when the dependencies change, so a second run installs nothing.
$(VENV)/.compiler $(VENV)/.dev: $(VENV)/.%: pyproject.toml | $(BIN)/python
	$(PIP) install "pip>=23"
	$(PIP) install --editable ".[$*]"
	touch $@

$(BIN)/python: | host
	$(PYTHON) -m venv $(VENV)

host:
	@command -v $(PYTHON) >/dev/null || { echo "error: no $(PYTHON) here; install Python 3.10 or newer," \
	  "or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) tools/check_host.py $(firstword $(CC))
