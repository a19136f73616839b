#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: tools/run-tests.sh [TEST ...] [option of pytest ...]

Runs the tests, all of them if none is named, after tools/setup-devel.sh --venv-only. Tests are
named by dots or the way pytest does it:

    tools/run-tests.sh patchwork.tests.mail.test_subject.SubjectTest
    tools/run-tests.sh patchwork/tests/mail -k prefix
    tools/run-tests.sh -n 0 --pdb       one process, a debugger where a test fails

They run in up to four processes, on SQLite. PW_TEST_DB_TYPE=postgresql or mysql in the
environment takes another database; PW_TEST_DB_NAME, _USER, _PASS, _HOST and _PORT say where.
HELP
}

case "${1:-}" in -h | --help)
    usage
    exit
    ;;
esac

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
tools/setup-devel.sh --venv-only
export DJANGO_SETTINGS_MODULE=patchwork.settings.dev
exec venv/bin/python -m patchwork.tests.runner --numprocesses=auto --maxprocesses=4 "$@"
