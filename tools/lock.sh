#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: tools/lock.sh [--upgrade] [option of `uv pip compile` ...]

Writes the lock files from pyproject.toml, for every platform and Python we support:
  requirements.lock      what an installation needs, with the database drivers, Celery and metrics
  requirements-dev.lock  the same, and what development and tests need

Versions that still fit are kept; --upgrade takes the newest, --upgrade-package NAME one of them.
Needs uv (https://docs.astral.sh/uv/), on the PATH or in venv/bin.
HELP
}

case "${1:-}" in -h | --help)
    usage
    exit
    ;;
esac

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || true)
[ -n "$uv" ] || uv=venv/bin/uv
if ! "$uv" --version >/dev/null 2>&1; then
    echo "lock.sh: uv is not here. Install it with: venv/bin/python -m pip install uv" >&2
    exit 1
fi

lock() {
    local file=$1
    shift
    "$uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --extra postgresql --extra mysql --extra celery --extra metrics --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --output-file "$file" "$@"
}

lock requirements.lock "$@"
# The same versions where both name a package: what is tested is what gets installed.
lock requirements-dev.lock --group dev --constraint requirements.lock "$@"
for file in requirements.lock requirements-dev.lock; do
    sed -i '1i # SPDX-License-Identifier: GPL-2.0-or-later\n# Written by tools/lock.sh from pyproject.toml; do not edit.' "$file"
done
