# make demo   set up and see the whole story on embedded data
# make serve  set up and open a search page on it
# make test   set up and run the tests
# All targets are safe to repeat.

PYTHON ?= python3.11
BIN := .venv/bin
SOURCES := core registry app plugins tests benchmarks scripts
PLUGINS := plugins/text plugins/vision plugins/audio plugins/sensor
STAMP := .venv/.installed

.PHONY: demo serve test test-slow lint bench results ablation clean

demo: $(STAMP)
	$(BIN)/spaner demo

serve: $(STAMP)
	test -d demo/space || $(BIN)/spaner demo
	$(BIN)/spaner index
	test -e demo/space.calibration.safetensors || $(BIN)/spaner calibrate
	$(BIN)/spaner serve

# as many processes as cores, a module's tests in one; a thread for each
test: $(STAMP) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n auto --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .[demo,bench] \
		$(PLUGINS:%=--editable %)
	$(BIN)/python benchmarks/performance.py

# what the method reaches, beside simpler ways: docs/results.md; RESULTS="--emoji FOLDER" where the emoji
# are made already: they need apt
results: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .[demo,bench] \
		$(PLUGINS:%=--editable %)
	$(BIN)/python benchmarks/results.py $(RESULTS)

# what each part of the method gains, on digits and emoji (whose project needs the network and apt)
ablation: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .[demo,bench] \
		$(PLUGINS:%=--editable %)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/ablation.py $(ABLATION)

# one pip command for everything: ours come from these folders, never by bare name from an index
$(STAMP): pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt \
		--editable .[demo,dev] $(PLUGINS:%=--editable %)
	touch $(STAMP)

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache
