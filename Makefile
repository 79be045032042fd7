# Two commands to know: `make demo` and `make test`. Both make .venv first and are quick when nothing changed.

PYTHON ?= python3
# Where packages come from: empty is pip's own setting (PyPI). INDEX replaces it, EXTRA_INDEX adds one, such as
# PyTorch's index of CPU builds, which spares gigabytes of CUDA where PyPI's torch brings them.
INDEX ?=
EXTRA_INDEX ?=
# make demo DROP=path KEEP=1 PORT=4566
# DROP goes through the environment, so that any character is allowed in a path.
DROP ?=
export DROP := $(value DROP)
KEEP ?=
PORT ?=

# make faults N=10000 SEED=1 FAMILY=files|sets|runs|resent|large|copies|restore|bundle|forget|async|serve
N ?= 1000
SEED ?= 1
FAMILY ?= files

# make sam-local IMAGE=public.ecr.aws/lambda/python:3.13
IMAGE ?=

# make kernel ARCH=x86_64|arm64
ARCH ?=

VENV := .venv
KERNEL := layers/seqdrop/seqdrop/reads/kernel
ZIG := $(shell grep '^ziglang' layers/seqdrop/build-requirements.txt)
PIP_AUDIT := pip-audit==2.10.1
COVERED := 95
# Tools of the long tests, each in an environment of its own: .venv-NAME of PINS/NAME.txt.
PINS := tests/support/reviewers/pins
REVIEWERS := lint checkov guard localemu html
# localemu needs Python 3.13.
PYTHON313 ?= python3.13
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP_OPTIONS := $(if $(INDEX),--index-url $(INDEX)) $(if $(EXTRA_INDEX),--extra-index-url $(EXTRA_INDEX))
PYTEST := $(BIN)/python -m pytest

.PHONY: help kernel setup demo stop test test-all coverage audit reviewers faults mms sdk2 sdk3 training-toolkit lint lock sam-local clean

help:
	@echo "make demo [DROP=path] [KEEP=1] [PORT=n]   run the whole pipeline on this machine"
	@echo "make stop                                 end what KEEP=1 left up"
	@echo "make test                                 lint, unit, contract and end-to-end tests"
	@echo "make test-all                             the long ones as well"
	@echo "make coverage                             what unit and fault tests reach of the package, with a floor"
	@echo "make faults [N=10000] [SEED=1] [FAMILY=sets] many more schedules of crashes, delays and lost events"
	@echo "make setup                                only make .venv, with the seqdrop command in it"
	@echo "make kernel [ARCH=arm64]                  compile the C kernel that Lambda gets, without a compiler too"
	@echo "make mms                                  SageMaker's own model server, for make test-all (needs Java)"
	@echo "make sdk2                                 SageMaker's SDK v2, an oracle for make test-all"
	@echo "make sdk3                                 the lists of images in SageMaker's SDK, an oracle for make test-all"
	@echo "make reviewers                            checkov, cfn-guard, localemu and more, for make test-all"
	@echo "make training-toolkit                     SageMaker's own starter of training scripts, for make test-all"
	@echo "make sam-local [IMAGE=name]               run each function by sam local invoke (needs Docker, or root to start it)"
	@echo "make lock                                 pin anew what requirements.in names"
	@echo "make clean                                remove .venv, builds and demo results"

setup: $(VENV)/.ready $(VENV)/.kernel

# A half-made .venv (Ctrl-C, no network) has no .ready and is made again where it stopped. pip compiles on one core, so
# that is done afterwards on all; a file for another version of Python is no error.
$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Seqdrop needs Python 3.11 to 3.13; name one: make PYTHON=python3.11 …"; exit 1; }
	@echo "Setting up $(VENV): about 1.6 GB, two to five minutes, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --no-compile $(PIP_OPTIONS) -r requirements.txt
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests/|/testing/_internal/' $(VENV)/lib || true
	@$(PIP) install --quiet $(PIP_OPTIONS) --no-deps --no-build-isolation -e .
	@touch $@

# The block functions of seqdrop.reads in C, twice as fast as numpy, where a C compiler is at hand. None is needed.
$(VENV)/.kernel: $(VENV)/.ready $(wildcard $(KERNEL)/*.c) $(KERNEL)/build.py
	@$(BIN)/python -m seqdrop.reads.kernel.build >/dev/null 2>&1 \
		|| echo "No C compiler: files will be read by numpy alone, more slowly (make kernel brings a compiler along)"
	@touch $@

# The same on request, for either architecture of Lambda; a compiler is installed if it takes one. `sam build` takes what
# this leaves, or compiles by itself (layers/seqdrop/build_layer.py).
kernel: $(VENV)/.ready
	@$(BIN)/python -m seqdrop.reads.kernel.build --check $(ARCH) >/dev/null 2>&1 \
		|| $(PIP) install --quiet $(PIP_OPTIONS) $(ZIG)
	@$(BIN)/python -m seqdrop.reads.kernel.build $(ARCH)

demo: setup
	@$(BIN)/python -m local.demo $${DROP:+--drop "$$DROP"} $(if $(KEEP),--keep) $(if $(PORT),--port $(PORT))

stop: setup
	@$(BIN)/python -m local.demo --stop

# The template and the types are checked while the code is.
lint: setup
	@SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint --region us-east-1 >/dev/null & template=$$!; \
	$(BIN)/python -m mypy >$(VENV)/.mypy 2>&1 & types=$$!; \
	$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/python -m tools.vocabulary \
		&& { printed=$$($(BIN)/lint-imports --no-cache) || { echo "$$printed"; false; }; } \
		&& $(BIN)/cfn-lint template.yaml stacks/*.yaml -a cfn_lint_serverless.rules \
		&& { wait $$types || { cat $(VENV)/.mypy; false; }; } \
		&& wait $$template && echo "code, types, words and template are clean"

# Three workers: end-to-end tests wait much of their time, and the others fill it.
test: lint
	@$(PYTEST) tests -q -n 3 --dist loadgroup -m "not long"

# SageMaker's model server wants transformers 4 and an old setuptools: an environment of its own. Its tests skip
# without it, and without Java. So has its training toolkit, for the same reasons; the SDK v2 has pins of its own.
test-all: lint coverage sdk2 sdk3 training-toolkit audit reviewers $(if $(shell command -v java),mms)
	@$(PYTEST) tests -q

# The share of lines and branches of seqdrop and seqdrop_cli that unit and fault tests reach; it may not fall.
coverage: setup
	@$(PYTEST) tests/unit tests/faults -q -n 2 -m "not long" --cov --cov-report=term --cov-fail-under=$(COVERED)

# Its test skips where it is missing, or reaches no index of advisories.
audit: .venv-audit/.ready

.venv-audit/.ready:
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_OPTIONS) $(PIP_AUDIT)
	@touch $@

# The tests of a tool that cannot be installed here skip, and say so.
reviewers:
	@for name in $(REVIEWERS); do $(MAKE) --no-print-directory .venv-$$name/.ready || echo "No $$name: its tests will skip"; done
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory .npm-iam-simulate/.ready; fi || echo "No iam-simulate"
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory .npm-axe/.ready; fi || echo "No axe"

$(REVIEWERS:%=.venv-%/.ready): .venv-%/.ready: $(PINS)/%.txt
	@test -x .venv-$*/bin/python || $(if $(filter localemu,$*),$(PYTHON313),$(PYTHON)) -m venv .venv-$*
	@.venv-$*/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_OPTIONS) $(if $(filter guard,$*),--no-deps) -r $<
	@touch $@

.npm-%/.ready: $(PINS)/%/package.json
	@mkdir -p $(@D) && cp $(<D)/* $(@D)/
	@npm install --prefix $(@D) --silent --ignore-scripts --no-audit --no-fund --no-package-lock
	@touch $@

faults: setup
	@$(BIN)/python -m tests.faults --n $(N) --seed $(SEED) --family $(FAMILY)

mms: .venv-mms/.ready

.venv-mms/.ready: requirements-mms.txt
	@echo "Setting up .venv-mms: about 1.3 GB, once"
	@test -x .venv-mms/bin/python || $(PYTHON) -m venv .venv-mms
	@.venv-mms/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_OPTIONS) -r requirements-mms.txt
	@touch $@

# What the SDK makes of a `distribution` is kept as a golden file; its test asks the SDK anew where it is.
sdk2: .venv-sdk2/.ready

.venv-sdk2/.ready: requirements-sdk2.txt
	@echo "Setting up .venv-sdk2: about 0.3 GB, once"
	@test -x .venv-sdk2/bin/python || $(PYTHON) -m venv .venv-sdk2
	@.venv-sdk2/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_OPTIONS) -r requirements-sdk2.txt
	@touch $@

# tools/availability.py reads JSON files of the current SDK. Nothing of it is imported, so it comes without what it needs.
sdk3: .venv-sdk3/.ready

.venv-sdk3/.ready: requirements-sdk3.txt | $(VENV)/.ready
	@rm -rf .venv-sdk3
	@$(PIP) install --quiet $(PIP_OPTIONS) --no-deps --target .venv-sdk3 -r requirements-sdk3.txt
	@touch $@

training-toolkit: .venv-training/.ready

.venv-training/.ready: requirements-training.txt
	@echo "Setting up .venv-training: about 1.3 GB, once"
	@test -x .venv-training/bin/python || $(PYTHON) -m venv .venv-training
	@.venv-training/bin/python -m pip --disable-pip-version-check install --quiet $(PIP_OPTIONS) -r requirements-training.txt
	@touch $@

# Each function with its examples, in Docker, against an embedded AWS of its own.
sam-local: setup
	@IMAGE="$(IMAGE)" $(BIN)/python -m tests.sam_local

lock:
	@rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/pip install --quiet $(PIP_OPTIONS) -r requirements.in
	@{ echo "# Made by 'make lock' from requirements.in."; \
	   .venv-lock/bin/pip freeze --all | grep -v -e '^pip=' -e '^wheel=' | sed -e 's/+cpu//' \
	       -e '/^pyBigWig=/s/$$/; platform_machine == "x86_64"/'; } > requirements.txt
	@rm -rf .venv-lock

clean:
	@test ! -x $(BIN)/python || $(BIN)/python -m local.demo --stop
	@rm -rf $(VENV) .venv-* .npm-* .aws-sam .seqdrop
