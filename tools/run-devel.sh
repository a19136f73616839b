#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
set -euo pipefail

usage() {
    cat <<'HELP'
Usage: tools/run-devel.sh [[ADDRESS:]PORT]

Runs Patchwork for development, at http://127.0.0.1:8000/ if no address is given, after setting
it up with tools/setup-devel.sh if need be: the web server, and a worker that does what is put
off, such as sending mails (into files, in development). Ctrl+C ends both.

An address that other machines can reach is refused as long as the account "admin" has the
password "pass". Names and addresses that it is to answer to then go into PW_DEV_HOSTS, separated
by commas; an ADDRESS given here is added by itself.
HELP
}

address=127.0.0.1:8000
case "${1:-}" in
    -h | --help)
        usage
        exit
        ;;
    "") ;;
    -*)
        echo "run-devel.sh: I do not know '$1'." >&2
        usage >&2
        exit 2
        ;;
    *:*) address=$1 ;;
    *[!0-9]*) address=$1:8000 ;;
    *) address=127.0.0.1:$1 ;;
esac
if [ $# -gt 1 ]; then
    usage >&2
    exit 2
fi

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
tools/setup-devel.sh
export DJANGO_SETTINGS_MODULE=patchwork.settings.dev

is_loopback() {
    case "$1" in
        localhost | "[::1]") ;;
        127.*) [[ $1 =~ ^[0-9.]+$ ]] ;;
        *) false ;;
    esac
}

everybody_knows_the_password() {
    venv/bin/python manage.py shell --verbosity 0 --command 'import sys
from django.contrib.auth.models import User
admin = User.objects.filter(username="admin", is_active=True).first()
sys.exit(0 if admin and admin.check_password("pass") else 3)' || [ $? -ne 3 ]
}

host=${address%:*}
if ! is_loopback "$host"; then
    if everybody_knows_the_password; then
        cat >&2 <<REFUSAL
run-devel.sh: refusing to listen on $address: others could reach it, and the account "admin"
has the password "pass", which everybody knows. Give it another one first:

    DJANGO_SETTINGS_MODULE=patchwork.settings.dev venv/bin/python manage.py changepassword admin

Mind that the development settings show anyone who can reach the pages how they were made.
REFUSAL
        exit 1
    fi
    case "$host" in
        0 | 0.0.0.0 | "[::]") ;;
        *) export PW_DEV_HOSTS="${PW_DEV_HOSTS:+$PW_DEV_HOSTS,}$host" ;;
    esac
fi

# All processes run until one of them ends or Ctrl+C; then they all end.
processes=()
start() {
    # They keep our terminal, for breakpoint() in a view.
    "$@" <&3 &
    processes+=($!)
}
stop() {
    trap - EXIT INT TERM
    kill "${processes[@]}" 2>/dev/null || true
    wait
}
exec 3<&0
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start venv/bin/python manage.py runserver "$address"
start venv/bin/python manage.py worker --grace 2
wait -n
