# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies that no door takes: 4xx in JSON, whichever dialect."""

from __future__ import annotations

import base64

import pytest
from django.contrib.auth.models import User

from patchwork.tests import factories

ADDRESSES = ["/api/bundles/", "/api/1.5/bundles/", "/api/1.0/series/{series}/"]


@pytest.fixture
def headers(db) -> dict[str, str]:
    User.objects.create_superuser("root", password="secret")
    return {"Authorization": "Basic " + base64.b64encode(b"root:secret").decode()}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "nested too deeply"),
        (rb'{"\ud800": 1}', 400, "half a character"),
        (rb'{"name": [{"\udc00x": 1}]}', 400, "half a character"),
        (b'{"name": "' + b"x" * 9_000_000 + b'"}', 413, "more than 8388608 bytes"),
    ],
    ids=["deep", "name", "name-below", "large"],
)
def test_a_body_that_nobody_takes(client, project, headers, address, body, status, words):
    series = factories.make_series(project, None, "lamps", patches=["one"])
    send = client.put if "series" in address else client.post
    address = address.format(series=series.pk)
    answer = send(address, body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert words in answer.json()["detail"]


def test_whole_characters_may_be_written_in_halves(client, project, headers):
    body = rb'{"name": "\ud83d\ude00", "patches": []}'
    answer = client.post("/api/bundles/", body, content_type="application/json", headers=headers)
    assert "detail" not in answer.json()
