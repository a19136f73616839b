# SPDX-License-Identifier: GPL-2.0-or-later
"""The WSGI application, for gunicorn, mod_wsgi and their like."""

from __future__ import annotations

import sys

from django.core.wsgi import get_wsgi_application

from patchwork import settings

# gunicorn takes this for a worker that cannot start; after others it would try for ever.
GIVE_UP = 3

try:
    settings.choose()
except settings.SettingsMissing as missing:
    sys.stderr.write(str(missing))
    sys.exit(GIVE_UP)

application = get_wsgi_application()
