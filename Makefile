# The commands for developers; `make` alone lists them. All paths are relative, so that the checkout can be in any folder.
.DEFAULT_GOAL := help
.PHONY: help setup lock release demo pictures test test-full integration fuzz lint sanity docs gates emulator matrix house bench fragments format clean

# With a Python path from outside, other packages could hide the locked ones.
unexport PYTHONPATH PYTHONHOME
# Without compiled files, each of the thousand processes of the tests would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# More arguments for pytest or ansible-test: make test ARGS="-k digest -x"
ARGS ?=
FUZZ_FACTOR ?= 25
# A release of ansible-core for make sanity; by default, the one in .venv.
CORE ?=

python := .venv/bin/python
# Three workers take little longer than four, and each takes seconds to start. What takes long waits more.
workers := 3
pytest = $(python) -m pytest -n $(workers) --dist worksteal
# The site and the gates have an environment of their own; requirements/docs.in says why.
docs_python := .venv-docs/bin/python

help: ## List the targets
	@echo "make TARGET [ARGS=...] [PYTHON=...]"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /  \1|/p' Makefile | awk -F'|' '{ printf "%-12s%s\n", $$1, $$2 }'

setup: ## Make .venv with the locked requirements (the other targets do it themselves)
	@sh scripts/setup.sh

lock: ## Lock the requirements in requirements/ (ARGS=--upgrade: in their newest versions)
	@sh scripts/lock.sh $(ARGS)

demo: setup ## Create a peering connection with the installed collection against an Atlas emulator (CLOUD=gcp: on GCP)
	@$(python) scripts/demo.py --cloud $(or $(CLOUD),aws)

# The browser takes them of the page that the demo has written, and of a made-up organization's.
pictures: demo ## Take the pictures of the check's page in the README and the guides again
	@WRITE_PICTURES=yes $(python) -m pytest -q -m gate tests/docs/test_pictures.py

test: setup ## Run the tests, except those that take long and rarely fail
	@$(pytest) $(ARGS)

# The tests of make test have to cover plugins/ by themselves: no others are measured, which takes half as long again. With 99 % of lines and
# branches together, at least 95 % of the branches are covered, because there are four times as many lines.
test-full: workers := 4
test-full: setup ## Run all tests, and show how much of plugins/ those of make test cover
	-@sh scripts/setup.sh aws
	@FUZZ_FACTOR=0.6 $(pytest) --full $(or $(ARGS),--cov --cov-fail-under=99 --durations=20)

integration: setup ## Run the integration targets by ansible-test (ARGS=atlas_vpc_peer: this one)
	@$(python) scripts/ansible_test.py integration --local $(ARGS)

fuzz: setup ## Run the properties with new examples, 250 for each of make test (FUZZ_FACTOR=50: twice as many)
	@FUZZ_FACTOR=$(FUZZ_FACTOR) $(python) -m pytest -n 4 --dist worksteal tests/properties $(ARGS)

lint: setup ## Run ansible-lint, ruff, mypy, vulture and yamllint (ARGS="ruff mypy": these)
	@$(python) scripts/lint.py $(ARGS)

sanity: setup ## Run all tests of ansible-test sanity (CORE=2.16, oldest or newest: with another ansible-core)
	@$(python) scripts/sanity.py $(if $(CORE),--core $(CORE)) $(ARGS)

docs: ## Build the site into docs/build/html
	@sh scripts/setup.sh docs
	@$(docs_python) scripts/docs.py

gates: setup ## Check what a release has to pass beside test, lint and sanity (ARGS: names of gates)
	@sh scripts/setup.sh docs
	@$(docs_python) scripts/gates.py $(ARGS)

matrix: setup ## Run the tests with every supported ansible-core (ARGS="2.16 newest": with these; --quick: the tests that touch it)
	@$(python) scripts/matrix.py $(ARGS)

release: setup ## Prepare a release: make release VERSION=1.2.3 (version, changelog, all checks, archive)
	@sh scripts/setup.sh docs
	@$(python) scripts/release.py $(VERSION)

emulator: setup ## Run the Atlas emulator on port 8080 until Ctrl-C (ARGS="--port 0 --groups 2": with its options; --help lists them)
	@$(python) scripts/emulator.py $(ARGS)

house: setup ## Show how the code is built: files, lines, what could be one, the files that a task enters and how often
	@$(python) scripts/house.py

bench: setup ## Measure time, requests and memory (ARGS=--write: into docs/performance.md; ARGS=sets: this part)
	@$(if $(findstring --write,$(ARGS)),sh scripts/setup.sh docs)
	@$(python) -m tests.benchmarks $(ARGS)

fragments: setup ## Write what follows from tables: RETURN, the options of entries, the role's argument specs, the check's playbook
	@$(python) scripts/fragments.py

format: setup ## Format the Python files
	@$(python) -m ruff check --quiet --select I --fix .
	@$(python) -m ruff format --quiet .

clean: ## Remove the files that the other targets create
	@rm -rf .venv .venv-aws .venv-docs .matrix docs/build .demo .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* .test-map* changelogs/.plugin-cache.yaml tests/output *.tar.gz
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
