# Everything starts from a machine with Python 3.11 or newer, make and a network:
#   make demo     the whole product against a simulated provider
#   make test     lint, types, import contracts and the other tests

VENV = .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
TOOLS = $(VENV)/.tools
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# A Python to build the environment with; the first one that is new enough where none is named.
PYTHON = python3
# Which real agents are tested: tests/agents/subset.py says what is fast.
AGENTS = fast

.PHONY: help env demo test lint types tests test-agents test-editors test-hooks test-metrics test-theia vsix bench budget-bench team-chaos parity agents prices clean

help:
	@echo 'make demo         see all of it work against a simulated provider, no key needed'
	@echo 'make test         lint, types, import contracts and the other tests'
	@echo 'make test-agents  some real agents against the simulator, as in CI; AGENTS=all: all of them; AGENTS=pi,llm: these'
	@echo 'make test-editors the extension in a real VS Code, against the simulator (needs npm and Chromium)'
	@echo 'make test-theia   the extension in Eclipse Theia, which is built for that (needs npm and Chromium)'
	@echo 'make test-hooks   real hook managers: pre-commit, lefthook, husky (needs npm and PyPI)'
	@echo 'make test-metrics real collectors: Prometheus, and one of OpenTelemetry (needs prometheus and PyPI)'
	@echo 'make vsix         the extension of VS Code, as dist/tokenguard.vsix (needs npm)'
	@echo 'make bench        the numbers of docs/benchmarks.md'
	@echo 'make budget-bench the numbers of docs/budget-bench.md: the budgets of others beside ours'
	@echo 'make team-chaos   the budgets of a team under attack, for minutes: kills, cuts, wrong clocks (needs postgresql and git)'
	@echo 'make parity       what is read of logs beside what ccusage reads, for docs/importers.md (needs npm)'
	@echo 'make agents       write what is known of the agents into README.md and docs/'
	@echo 'make prices       compile the price catalogue anew from genai-prices'
	@echo 'make clean        remove what these made'

env: $(TOOLS)

$(READY): pyproject.toml $(BIN)/python
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable .
	@touch $(READY)

$(TOOLS): $(READY)
	$(PIP) --group dev
	@touch $(TOOLS)

$(BIN)/python:
	@for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "creating $(VENV) with $$($$python --version)"; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'make: no Python 3.11 or newer with venv was found;' \
		'install one (Debian, Ubuntu: apt install python3-venv) or name it: make PYTHON=/path/to/python' >&2; \
	exit 1

demo: $(READY)
	@$(BIN)/tokenguard demo

test: lint types tests

lint: $(TOOLS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(TOOLS)
	$(BIN)/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

tests: $(TOOLS)
	$(BIN)/pytest -n auto --maxprocesses 4
	$(BIN)/pytest tests/hooks -m alone

test-agents: $(TOOLS)
	$(BIN)/pytest tests/agents -m real_agents --agents $(AGENTS) -rs -n 2 -o faulthandler_timeout=1200

test-editors: $(TOOLS)
	$(BIN)/pytest tests/editors -m real_editors -rs -n 0 -o faulthandler_timeout=1200

test-theia: $(TOOLS)
	$(BIN)/pytest tests/editors -m theia -rs -n 0 -o faulthandler_timeout=1200

test-hooks: $(TOOLS)
	$(BIN)/pytest tests/hooks -m real_managers -rs -n 0

test-metrics: $(TOOLS)
	$(BIN)/pytest tests/exporting -m real_collectors -rs -n 0

vsix: $(TOOLS)
	$(BIN)/python -m tools.build_vsix

bench: $(TOOLS)
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; \
	$(BIN)/python -m tests.bench.$$(basename $$bench .py) || exit 1; done

budget-bench: $(TOOLS)
	$(BIN)/python -m tests.bench.budget_bench

team-chaos: $(TOOLS)
	$(BIN)/python -m tests.chaos.team_postgres
	$(BIN)/python -m tests.chaos.team_git

parity: $(TOOLS)
	$(BIN)/python -m tests.parity.page

agents: $(TOOLS)
	$(BIN)/python tools/document_agents.py
	$(BIN)/python tools/document_importers.py
	$(BIN)/python -m tests.agents.listing

prices: $(TOOLS)
	$(BIN)/python tools/compile_prices.py

clean:
	rm -rf $(VENV) dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
