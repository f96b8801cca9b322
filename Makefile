# Two commands do everything: `make demo` and `make test`. Each makes its own virtual environment.
PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv
LOWEST := .venv-lowest
JOBS ?= 2
PICTURE := src/unmask/demo/pictures/street.png
# Tests of one file stay together, as they share what was made for them.
SHARED_OUT = -n $(JOBS) --dist loadfile --no-loadscope-reorder

# Tests start more than a hundred processes, and each would compile all of unmask again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test fast lowest lint docs format clean

demo: $(DEMO)/installed
	$(DEMO)/bin/unmask explain $(PICTURE) -o demo-output

# One more than two cores: some tests only wait, for Ray, a browser or a server.
test: JOBS = 3
test: lint docs
	$(TEST)/bin/python -m pytest $(SHARED_OUT)

fast: $(TEST)/installed
	$(TEST)/bin/python -m pytest $(SHARED_OUT) -m "not slow"

# The same on the lowest versions that pyproject.toml allows.
lowest: $(LOWEST)/installed
	$(LOWEST)/bin/python -m pytest $(SHARED_OUT) -m "not slow"

lint: $(TEST)/installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports
	$(TEST)/bin/deno lint --quiet
	$(TEST)/bin/deno check --quiet --no-remote src/unmask/app/page/*.js src/unmask/reports/report.js

# Strict: a link or a reference that leads nowhere is an error. Nothing is fetched, and no advice on
# other tools is shown.
docs: $(TEST)/installed
	NO_MKDOCS_2_WARNING=1 $(TEST)/bin/mkdocs build --strict --clean

format: $(TEST)/installed
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

# A target's marker is newer than pyproject.toml exactly when the environment holds what it names.
$(DEMO)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[cli]'
	touch $@

$(TEST)/installed: pyproject.toml
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(LOWEST)/installed: pyproject.toml tools/lowest.py
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) tools/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(DEMO) $(TEST) $(LOWEST) demo-output site
