# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from patchwork.outbox import transports
from patchwork.tests.outbox.postoffice import PostOffice


@pytest.fixture
def post_office(settings: Any) -> Iterator[PostOffice]:
    """A mail server that the settings lead to."""
    office = PostOffice()
    settings.OUTBOX_TRANSPORT = "patchwork.outbox.transports.smtp.Smtp"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = office.port
    settings.EMAIL_TIMEOUT = 20
    yield office
    transports.let_go()
    office.close()
