# One environment for every target: `make .venv` builds it, the rest use it.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONHASHSEED := 0

.PHONY: demo test engines soak smoke lint format docs results dist bench clean
.DEFAULT_GOAL := demo

.venv: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@echo "Building .venv with all extras, torch among them: 2 GB, some minutes."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: .venv
	$(BIN)/python examples/demo.py

# A thread for each of the two processes.
test: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

# Every engine of refits against naive loops, over 200 random problems each.
engines: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --problems 200 tests/reliability/test_engines_hold.py

# The long version of the tests of reliability; writes benchmarks/results/reliability_*.
soak: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --soak tests/reliability $(PYTEST_ARGS)

# The paper's studies at their smallest, where the packed data sets are at hand.
smoke: .venv
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/paper_smoke.py ../shared/data

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/bandit --quiet --recursive skpoison

format: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Tables and figures of the docs and the tables of README, from the committed results.
results: .venv
	$(BIN)/python docs/results_book

# What a release uploads, checked; `.github/check_wheel.py` tries it once installed.
dist: .venv
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/python .github/check_dist.py dist

bench: .venv
	$(BIN)/python benchmarks/slice_enumeration.py
	$(BIN)/python benchmarks/fit_resample_scale.py
	$(BIN)/python benchmarks/grid_search_adult.py
	$(BIN)/python benchmarks/install_size.py
	$(BIN)/python benchmarks/refit_linear.py
	$(BIN)/python benchmarks/refit_neighbors.py
	$(BIN)/python benchmarks/refit_statistics.py
	$(BIN)/python benchmarks/refit_mlp.py
	$(BIN)/python benchmarks/audit_adult.py
	$(BIN)/python benchmarks/influence_adult.py
	$(BIN)/python benchmarks/attacks_model_targeted.py
	$(BIN)/python benchmarks/attacks_adult.py
	$(BIN)/python benchmarks/attacks_faces.py
	$(BIN)/python benchmarks/attacks_oracle.py
	$(BIN)/python benchmarks/attacks_oracle_net.py
	$(BIN)/python benchmarks/attacks_witches_brew.py --size smoke
	$(BIN)/python benchmarks/defenses_easy_cases.py
	$(BIN)/python benchmarks/defenses_certificates.py
	$(BIN)/python benchmarks/defenses_adult.py
	$(BIN)/python benchmarks/impossibility.py
	$(BIN)/python benchmarks/impossibility_worlds.py
	$(BIN)/python benchmarks/impossibility_locality.py
	$(BIN)/python benchmarks/impossibility_speed.py
	$(BIN)/python benchmarks/paper_cifar10.py --size small
	$(BIN)/python benchmarks/paper_utkface.py --size small
	$(BIN)/python benchmarks/paper_imdb.py --size small
	$(BIN)/python benchmarks/paper_capacity.py --size small
	$(BIN)/python benchmarks/paper_clean_accuracy.py
	$(BIN)/python benchmarks/representation_memory.py
	$(BIN)/python benchmarks/adult_label_flip.py

clean:
	rm -rf .venv dist docs/_build docs/auto_examples docs/api/generated docs/results/generated
