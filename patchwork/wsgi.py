# SPDX-License-Identifier: GPL-2.0-or-later
"""The WSGI application, for gunicorn, mod_wsgi and their like."""

from __future__ import annotations

import sys

from django.core.wsgi import get_wsgi_application

from patchwork import settings

try:
    settings.choose()
except settings.SettingsMissing as missing:
    sys.exit(str(missing))

application = get_wsgi_application()
