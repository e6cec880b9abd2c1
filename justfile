# One command runs what CI runs: `just check`. The tools come with `pip install -e '.[dev]'`.

python := "python"

# Everything that must hold before a change lands
check: lint types layers vendored docs-check test

# Style, and code that looks wrong
lint:
    ruff format --check .
    ruff check .

# Rewrite what can be rewritten
format:
    ruff format .
    ruff check --fix .

# Strict types
types:
    mypy

# Who may import whom
layers:
    lint-imports

# Vendored JavaScript is what its integrity file says
vendored:
    {{ python }} scripts/vendor_js.py --check

# Write the generated parts of the documentation, and of Terraform's files
docs:
    {{ python }} scripts/make_docs.py
    {{ python }} scripts/make_terraform.py

# Write the Grafana dashboards
grafana:
    {{ python }} -W ignore -m scripts.grafana

# Take the pictures of docs/pictures from a running system: some minutes; needs `pip install -e '.[pictures]'`
pictures:
    {{ python }} scripts/make_pictures.py

# The generated parts of the documentation and of Terraform's files are up to date
docs-check:
    {{ python }} scripts/make_docs.py --check
    {{ python }} scripts/make_terraform.py --check

# Make the model version that is shipped in the package anew: two minutes; with --check only say whether it is the same
bootstrap *arguments:
    {{ python }} -W ignore scripts/make_bootstrap.py {{ arguments }}

# Environments of their own for emulators and other programs that tests meet; all of them, or those named
environments *names:
    {{ python }} scripts/environments.py {{ names }}

# All tests, as the README runs them
test *arguments:
    {{ python }} -m pytest -n auto {{ arguments }}

# Faults on purpose, and what is lost by them: an hour; a tenth of it with `just faults --share 0.1`
faults *arguments:
    PYTHONPATH=src:. {{ python }} -m faults {{ arguments }}

# Bytes that nobody meant, guided by coverage; needs atheris (`pip install -e '.[fuzz]'`)
fuzz *arguments:
    PYTHONPATH=src:. {{ python }} -m fuzz {{ arguments }}

# Libraries with known vulnerabilities; needs pypi.org and pip-audit (`pip install pip-audit`)
audit:
    pip-audit --requirement requirements.lock --no-deps --disable-pip

# Exact versions that the tests passed with
lock:
    uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-emit-index-url --no-annotate pyproject.toml -o requirements.lock
    uv pip compile --quiet --python-version 3.11 --python-platform x86_64-unknown-linux-gnu --extra gcp --extra sql --constraint requirements.lock --no-header --no-emit-index-url --no-annotate pyproject.toml -o templates/docker/constraints.txt
