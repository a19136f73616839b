#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Take one mail from standard input into Patchwork. Meant for an MTA's pipe, for instance in
# /etc/aliases:
#
#   patchwork: "|/srv/patchwork/patchwork/bin/parsemail.sh"
#
# Runs as any user, from any directory and with an empty environment. Arguments are those of
# "manage.py parsemail". A copy of this script that lies outside of a checkout serves
# PATCHWORK_BASE, or /srv/patchwork.
#
# Exit codes: 0 the mail is in safe hands, 64 the command line is wrong, 75 the MTA shall keep
# the mail and try again (whatever else goes wrong: no Python, a broken installation).

PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"
export PATH

self=$0
case $self in
    /*) [ ! -L "$self" ] || self=$(readlink -f -- "$self") ;;
    *) self=$(readlink -f -- "$self") ;;
esac
base=${self%/patchwork/bin/*}
if [ ! -f "$base/manage.py" ]; then
    base=${PATCHWORK_BASE:-/srv/patchwork}
fi

python="$base/venv/bin/python"
if [ ! -x "$python" ]; then
    if [ -e "$base/venv" ] || [ -L "$python" ]; then
        echo "$python cannot be run by $(id -un): the mail is to be delivered later." >&2
        exit 75
    fi
    python=python3
fi

DJANGO_SETTINGS_MODULE="${DJANGO_SETTINGS_MODULE:-patchwork.settings.production}"
export DJANGO_SETTINGS_MODULE

# Without site (-S) and the environment's wishes (-I): only handing over to the daemon has to be
# fast, and manage.py is started in the ordinary way when that fails.
"$python" -I -S "$base/patchwork/ingest/handover.py" "$@"
status=$?

case $status in
    0 | 64 | 66 | 75) exit "$status" ;;
    *)
        echo "parsemail: ended with status $status; the mail is to be delivered again" >&2
        exit 75
        ;;
esac
