#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: tools/setup-devel.sh [--venv-only]

Makes a checkout ready for development; running it again is quick and changes nothing that is
already done. It
  - creates a virtual environment in venv/,
  - installs what requirements-dev.lock names there, and Patchwork itself from this checkout,
  - creates the database (patchwork.sqlite3, or what PW_TEST_DB_TYPE and DATABASE_URL say),
  - fills an empty one with demo projects, and an account "admin" with the password "pass".

  --venv-only  stop after the installation (all that the tests need)
  -h, --help   show this

PYTHON=/path/to/python3 in the environment chooses the Python for a new virtual environment.
HELP
}

venv_only=no
for argument in "$@"; do
    case "$argument" in
        -h | --help)
            usage
            exit
            ;;
        --venv-only) venv_only=yes ;;
        *)
            echo "setup-devel.sh: I do not know '$argument'." >&2
            usage >&2
            exit 2
            ;;
    esac
done

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

say() { echo "setup-devel.sh: $*"; }
give_up() {
    printf 'setup-devel.sh: %s\n' "$@" >&2
    exit 1
}

is_recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_recent_enough "$PYTHON" || give_up "PYTHON=$PYTHON is not a Python 3.11 or later."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if is_recent_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    give_up "Python 3.11 or later is missing. On Debian 12 and Ubuntu 24.04 or later:" \
        "    sudo apt install python3 python3-venv"
}

make_venv() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        give_up "$python lacks its venv module. On Debian and Ubuntu:" \
            "    sudo apt install python3-venv"
    fi
    command -v git >/dev/null ||
        give_up "git is missing. On Debian and Ubuntu:" "    sudo apt install git"
    say "creating the virtual environment venv/"
    "$python" -m venv venv
}

# What the installation in venv/ was made from: compared byte by byte, so a change of
# branch, a moved checkout or another Python is seen, and nothing else costs time.
installed_from() {
    pwd -P
    readlink -f venv/bin/python || true
    cat requirements-dev.lock pyproject.toml
}

install() {
    { is_recent_enough venv/bin/python && venv/bin/python -m pip --version >/dev/null 2>&1; } ||
        make_venv
    say "installing what requirements-dev.lock names"
    venv/bin/python -m pip install --disable-pip-version-check --quiet \
        --require-hashes --requirement requirements-dev.lock
    venv/bin/python -m pip install --disable-pip-version-check --quiet \
        --no-deps --no-build-isolation --editable .
    installed_from >venv/installed-from
}

# What the SQLite file was set up with. A server's database may be dropped behind our back,
# so there the question is asked each time.
prepared_with() { cat patchwork/migrations/*.py patchwork/fixtures/*; }

is_prepared() {
    [ -z "${DATABASE_URL:-}${PW_TEST_DB_TYPE:-}" ] && [ -s patchwork.sqlite3 ] &&
        prepared_with | cmp --silent - patchwork.sqlite3-prepared
}

prepare_database() {
    local manage="venv/bin/python manage.py" has_states has_projects
    say "preparing the database"
    $manage migrate --verbosity 1
    read -r has_states has_projects < <($manage shell --verbosity 0 --command \
        'from patchwork.models import Project, State
print(State.objects.exists(), Project.objects.exists())')
    # Loaded once only: what a developer has changed in them since is kept.
    [ "$has_states" = True ] || $manage loaddata default_tags default_states
    [ "$has_projects" = True ] || $manage demo
    if [ -z "${DATABASE_URL:-}${PW_TEST_DB_TYPE:-}" ]; then
        prepared_with >patchwork.sqlite3-prepared
    fi
}

installed_from | cmp --silent - venv/installed-from || install
[ "$venv_only" = no ] || exit 0

# Demo data and an account with a known password never go anywhere but into a development database.
export DJANGO_SETTINGS_MODULE=patchwork.settings.dev
is_prepared || prepare_database
