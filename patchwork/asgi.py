# SPDX-License-Identifier: GPL-2.0-or-later
"""The ASGI application, for servers that speak ASGI."""

from __future__ import annotations

import sys

from django.core.asgi import get_asgi_application

from patchwork import settings

try:
    settings.choose()
except settings.SettingsMissing as missing:
    sys.exit(str(missing))

application = get_asgi_application()
