# `make` alone lists the main targets, `make help-all` all of them. Settings go on the command line, such as
#   make train DIGITS_DATA=/data/mnist.npz ARGS="--recipe quick"
# ARGS is passed on to the program behind a target.

PAGE_PORT ?= 7860
GRPC_PORT ?= 8500
REST_PORT ?= 8501
SERVER ?= grpc://127.0.0.1:$(GRPC_PORT)
COMPARE ?= conv3,conv5,conv7
ARGS ?=
SEEDS ?= 1,2,3
RECIPE ?= best
FUZZ_SECONDS ?= 60
WHY ?=
CORRECTIONS ?= corrections
# Processes that share the tests; 0: one, as a debugger needs it.
JOBS ?= logical

PY := .venv/bin/python
CODE := digits saved_model trainer serving ui inkwell benchmarks tools tests
BENCHMARKS := abuse ablation drawings freehand fuzz image_sizes kills numbers peers serving soak startup swaps training_speed ui variants

# The first of these that is Python 3.11 to 3.13; the images hold 3.11.
IS_SUPPORTED := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python $(IS_SUPPORTED) && echo $$python && break; done)
need_python = $(if $(PYTHON),,$(error Python 3.11 to 3.13 is needed and was not found; install one, or name it: make PYTHON=/path/to/python3.13))\
	$(if $(shell $(PYTHON) $(IS_SUPPORTED) && echo yes),,$(error Python 3.11 to 3.13 is needed; $(PYTHON) is not; name another: make PYTHON=/path/to/python3.13))

# The first engine that answers and has Compose; `docker` without its daemon does not count.
COMPOSE ?= $(shell docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 && echo docker compose && exit; \
	podman info >/dev/null 2>&1 && for compose in podman-compose "podman compose"; do \
	$$compose version >/dev/null 2>&1 && echo $$compose && break; done)
need_compose = $(if $(COMPOSE),,$(error No container engine with Compose answers (docker or podman); start one, or $(1)))

# Containers write to runs/ and models/ as the person who started them; podman maps that user by itself when told.
export RUN_AS := $(shell id -u):$(shell id -g)
ifneq ($(shell id -u),0)
export PODMAN_USERNS := keep-id
endif
export PAGE_PORT GRPC_PORT REST_PORT WHY FILE
# Images say which commit they hold. BASE_IMAGE=…@sha256:… pins what they are built on.
export REVISION := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
ifdef BASE_IMAGE
export BASE_IMAGE
endif

INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: --requirement
SUPPLY_CHAIN := .venv/supply-chain/bin/python
# One of these is there where a container can reach an NVIDIA GPU: on Linux, and in Windows' Linux.
GPU_NODES ?= /dev/nvidiactl /dev/dxg
KERAS_CACHE := $(HOME)/.keras/datasets
SET_NAME = $(notdir $(abspath $(DIGITS_DATA)))
MOUNT_DATA = $(if $(DIGITS_DATA),--volume $(abspath $(DIGITS_DATA)):/data/$(SET_NAME):ro --env DIGITS_DATA=/data/$(SET_NAME),\
	--volume $(KERAS_CACHE):/tmp/.keras/datasets)
# podman-compose knows a service behind a profile only where the profile is named.
RUN_TRAINER = mkdir -p runs models $(KERAS_CACHE) && $(COMPOSE) --profile $(2) build $(1) && \
	$(COMPOSE) --profile $(2) run --rm $(MOUNT_DATA) $(1) $(ARGS)
LOCK = $(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --only-binary :all: --generate-hashes \
	--no-emit-index-url --no-annotate --quiet --no-progress --custom-compile-command "make lock" $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help help-all setup demo train train-gpu train-cpu sweep fine-tune my-digits publish serve serve-embedded ui up down logs predict status versions examine promote rollback doctor bench results test fuzz lint lock licences sbom audit huggingface clean

# A target with `##*` is one of the main ones.
help: ## List the main targets
	@awk -F ':.*##[*] ' '/^[a-z-]+:.*##[*] / {printf "  %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

help-all: ##* List every target
	@awk -F ':.*##[*]? ' '/^[a-z-]+:.*##[*]? / {printf "  %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/.setup ## Install everything for working on the code into .venv

doctor: ##* Say what each of these ways still needs on this machine; needs nothing installed; DIGITS_DATA=
	@$(or $(PYTHON),python3) tools/doctor.py --page_port $(PAGE_PORT) --grpc_port $(GRPC_PORT) --rest_port $(REST_PORT) \
		$(if $(DIGITS_DATA),--data "$(DIGITS_DATA)")

demo: .venv/.demo ##* Draw digits: embedded server and page, until Ctrl-C; PAGE_PORT= GRPC_PORT= REST_PORT=
	@$(PY) -m inkwell.demo --page_port $(PAGE_PORT) --grpc_port $(GRPC_PORT) --rest_port $(REST_PORT)

train: .venv/.setup ##* Train, choose, export and publish on this machine; DIGITS_DATA= ARGS=
	$(PY) -m trainer $(ARGS)

train-gpu: ##* The same in a container on the GPU; stops where there is none
	$(call need_compose,train on this machine: make train)
	@ls $(GPU_NODES) 2>/dev/null | grep -q . || { echo "No NVIDIA GPU is visible on this machine; train without one: make train-cpu" >&2; exit 1; }
	$(call RUN_TRAINER,trainer-gpu,train-gpu)

train-cpu: ##* The same in a container without a GPU
	$(call need_compose,train on this machine: make train)
	$(call RUN_TRAINER,trainer,train)

sweep: .venv/.setup ## Train a recipe with several seeds and print mean ± sd; resumes where it stopped; SEEDS= RECIPE= DIGITS_DATA= ARGS=
	$(PY) -m trainer.sweep --seeds $(SEEDS) --recipe $(RECIPE) $(ARGS)

fine-tune: .venv/.setup ## Train on from the served version with corrected drawings mixed in, and publish it if it passes the release checks; CORRECTIONS= DIGITS_DATA= ARGS=
	$(PY) -m trainer --recipe fine-tune --corrections "$(CORRECTIONS)" $(ARGS)

my-digits: .venv/.setup ## Score every published version on the drawings that people corrected; CORRECTIONS=
	$(PY) -m trainer.score_corrections --corrections "$(CORRECTIONS)" $(ARGS)

publish: .venv/.setup ## Publish the chosen network of a finished run; RUN=runs/best-seed1
	@test -n "$(RUN)" || { echo "Name the run's folder: make publish RUN=runs/best-seed1" >&2; exit 2; }
	$(PY) -m trainer --publish_only --run_dir "$(RUN)" $(ARGS)

serve: ##* Serve models/ with TensorFlow Serving in a container, on ports 8500 (gRPC) and 8501 (REST)
	$(call need_compose,serve without one: make serve-embedded)
	$(COMPOSE) -f compose.yaml -f compose.ports.yaml up serving

serve-embedded: .venv/.demo ##* Serve models/ with the embedded server, on the same ports; needs no container
	$(PY) -m serving.server --model_config_file=serving/tensorflow_serving/models.config --model_config_root=. \
		--monitoring_config_file=serving/tensorflow_serving/monitoring.config --port=$(GRPC_PORT) --rest_api_port=$(REST_PORT) $(ARGS)

ui: .venv/.demo ##* Open the page for a server that is running; SERVER=grpc://host:port COMPARE=other,models
	$(PY) -m ui --server $(SERVER) --port $(PAGE_PORT) --compare=$(COMPARE) --models models $(ARGS)

up: ##* Start TensorFlow Serving and the page in containers, in the background
	$(call need_compose,run both without one: make demo)
	$(COMPOSE) up --build --detach
	@echo "The page: http://127.0.0.1:$(PAGE_PORT)"

down: ##* Stop what `make up` started
	$(call need_compose,stop what runs here with Ctrl-C)
	$(COMPOSE) down

logs: ## Follow what the containers of `make up` and `make serve` log, until Ctrl-C; SERVICE=serving or page
	$(call need_compose,what runs here without one logs where it was started)
	$(COMPOSE) logs --follow --tail 200 $(SERVICE)

predict: .venv/.client ##* Ask the running server about a PNG or JPEG; FILE=digit.png SERVER=
	@test -n "$$FILE" || { echo "Name a picture: make predict FILE=digit.png" >&2; exit 2; }
	@$(PY) -m serving.client predict "$$FILE" --server $(SERVER) $(ARGS)

status: .venv/.client ##* Show the versions that the running server has; SERVER=
	@$(PY) -m serving.client status --server $(SERVER) $(ARGS)

versions: .venv/.client ## List the published versions, which is served, and who changed that when and why
	@$(PY) -m serving.release versions $(ARGS)

examine: .venv/.demo ## Say what the server would say to a version, and whether it may replace the served one; VERSION=
	@$(PY) -m serving.release examine $(if $(VERSION),--version $(VERSION)) $(ARGS)

promote: .venv/.demo ## Serve a version that is held or older, if it passes; VERSION= WHY= FORCE=1
	@test -n "$(VERSION)" || { echo "Name the version (make versions lists them): make promote VERSION=3 WHY=\"reads sevens better\"" >&2; exit 2; }
	@$(PY) -m serving.release promote --version $(VERSION) --why "$$WHY" $(if $(FORCE),--force) $(ARGS)

rollback: .venv/.client ## Serve the version again that was served before the present one; WHY=
	@$(PY) -m serving.release rollback --why "$$WHY" $(ARGS)

bench: .venv/.setup ## Run one benchmark and write what it finds to results/; NAME=serving SERVING=host:8500,host:8501 DIGITS_DATA= ARGS=; without NAME: list them
	@test -f "benchmarks/$(NAME).py" -o -f "benchmarks/$(NAME)/__main__.py" || { \
		echo "Name a benchmark: make bench NAME=…, one of: $(BENCHMARKS)" >&2; exit 2; }
	$(PY) -m benchmarks.$(NAME) $(if $(SERVING),--serving $(SERVING)) $(ARGS)

results: .venv/.setup ## Write the README's results table anew from results/
	$(PY) -m trainer.reports.readme_table

test: .venv/.setup ##* Run the tests; those this machine cannot run are skipped and say why; DIGITS_DATA= ARGS= JOBS=
	$(PY) -m pytest -p tests.support.must_run -p tests.support.by_file -n $(JOBS) --maxprocesses 4 --no-loadscope-reorder $(ARGS)


fuzz: .venv/.setup ## Send nonsense: twenty times what `make test` does, then a minute for each reader guided by its coverage; ARGS="-k rest" FUZZ_SECONDS=
	$(PY) -m pytest tests/serving/server/fuzz --hypothesis-profile=fuzz $(ARGS)
	for target in rest messages files pictures page headers data store; do $(PY) -m tests.serving.server.fuzz.guided $$target --seconds $(FUZZ_SECONDS) || exit; done

lint: .venv/.setup ## Check style and types; Dockerfiles too where hadolint runs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(CODE)
	@PATH="$(CURDIR)/.venv/bin:$$PATH"; if command -v hadolint >/dev/null; then hadolint Dockerfile.cpu Dockerfile.gpu deploy/huggingface/space/Dockerfile; else echo "hadolint is not installed: Dockerfiles not checked"; fi

# The GPU lock ignores pyproject's override, which would take the full TensorFlow out.
lock: .venv/.setup ## Resolve the dependencies again; ARGS=--upgrade takes newer versions
	$(LOCK) --extra dev --extra tensorflow-cpu --output-file requirements/dev.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra trainer --extra tensorflow-cpu --output-file requirements/trainer-cpu.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra trainer --extra tensorflow-gpu --no-config --output-file requirements/trainer-gpu.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra server --extra tensorflow-cpu --output-file requirements/server.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra number --output-file requirements/client.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra ui --output-file requirements/ui.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra server --extra ui --extra tensorflow-cpu --output-file requirements/demo.txt >/dev/null
	$(LOCK) --constraint requirements/dev.txt --extra supply-chain --output-file requirements/supply-chain.txt >/dev/null

licences: .venv/supply-chain/.ready ## Write docs/licences.md: what the images install, and under which licence
	$(SUPPLY_CHAIN) tools/licences.py

sbom: .venv/supply-chain/.ready ## Write a bill of materials (CycloneDX) for each lock into build/sbom
	@mkdir -p build/sbom
	@for lock in requirements/*.txt; do name=$$(basename $$lock .txt); \
		$(SUPPLY_CHAIN) -m cyclonedx_py requirements $$lock --output-reproducible --output-file build/sbom/$$name.cdx.json || exit; done
	@ls build/sbom/*.cdx.json

audit: .venv/supply-chain/.ready ## Ask for known vulnerabilities of everything the locks name; needs the network
	@$(SUPPLY_CHAIN) tools/audit.py

huggingface: .venv/.setup ## Write the model card and the Space's page from the manifest; what to upload to build/huggingface
	@$(PY) -m tools.huggingface $(ARGS)

clean: ## Remove caches and the installed packages; runs/ and models/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +

# One folder for all: the versions in every lock are the same, so each only adds to what another installed.
.venv/pyvenv.cfg:
	$(need_python)
	$(PYTHON) -m venv .venv

.venv/.client: requirements/client.txt | .venv/pyvenv.cfg
	@echo "Installing what the client needs (about 0.2 GB on disk, once) ..."
	@$(INSTALL) $<
	@touch $@

.venv/.demo: requirements/demo.txt | .venv/pyvenv.cfg
	@echo "Installing what the server and the page need (about 2 GB on disk, once) ..."
	@$(INSTALL) $<
	@touch $@ .venv/.client

.venv/.setup: requirements/dev.txt | .venv/pyvenv.cfg
	@echo "Installing everything for development (about 2.5 GB on disk, once) ..."
	@$(INSTALL) $<
	@touch $@ .venv/.demo .venv/.client

# A folder of its own: these tools are needed by nobody who trains, serves or tests, and bring 40 packages of their own.
.venv/supply-chain/.ready: requirements/supply-chain.txt | .venv/pyvenv.cfg
	$(need_python)
	@$(PYTHON) -m venv $(@D)
	@$(subst $(PY),$(SUPPLY_CHAIN),$(INSTALL)) $<
	@touch $@
