# `make app` opens the dashboard, `make test` runs every check. Both do their own set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# Whole files and folders go to one process (tests/conftest.py). Where tests wait for servers and
# workers, three processes keep two cores busy.
PYTEST := $(BIN)/python -m pytest --no-loadscope-reorder

# Everything here starts many processes, which would compile the same files again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test test-long quick coverage check clean

app: $(VENV)/.app
	$(BIN)/streamlit run app.py

test: check
	$(PYTEST) -n 3 --durations=10

quick: check
	$(PYTEST) -n 2 -p tests.quick -m "not (browser or worker or database or long)"

test-long: $(VENV)/.dev
	$(PYTEST) -n 2 -m long

coverage: $(VENV)/.dev
	$(PYTEST) -n 3 --cov --cov-report=term:skip-covered

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.app: requirements.txt | $(VENV)/.venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt bots/requirements.txt | $(VENV)/.venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV)
