# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of bundles: in their order, for those who may see them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from patchwork.bundles.models import Bundle, BundlePatch
from patchwork.ingest.receiving import receive_many
from patchwork.tests.letters import thread
from patchwork.tracking.models import Patch


@pytest.fixture
def bundle(project) -> Bundle:
    receive_many(
        thread(
            """
            + [PATCH 1/3] One
            +--> [PATCH 2/3] <b>Two</b>
            +--> [PATCH 3/3] Three
            """
        ),
        list_id=project.listid,
    )
    joe = User.objects.create_user("joe", password="secret")
    bundle = Bundle.objects.create(owner=joe, project=project, name="to look at", public=True)
    for order, patch in enumerate(Patch.objects.order_by("-name")):
        BundlePatch.objects.create(bundle=bundle, patch=patch, order=order)
    return bundle


def test_its_patches_in_its_order(client, bundle, django_assert_max_num_queries):
    address = client.get(f"/api/bundles/{bundle.pk}/").json()["web_url"]
    with django_assert_max_num_queries(8):
        page = client.get(address)
    text = page.content.decode()
    assert page.status_code == 200
    assert text.index("Three") < text.index("&lt;b&gt;Two") < text.index(">[1/3] One")
    assert "3</strong> patches" in text
    mbox = client.get(f"{address}mbox/")
    assert mbox["Content-Disposition"] == "attachment; filename=to-look-at.mbox"
    assert mbox.content.count(b"\nSubject: ") == 3


def test_a_private_one_is_its_owners(client, bundle):
    Bundle.objects.update(public=False)
    for address in ("/bundle/joe/to look at/", "/bundle/joe/to look at/mbox/"):
        assert client.get(address).status_code == 404
    client.force_login(User.objects.create_user("eve"))
    assert client.get("/bundle/joe/to look at/").status_code == 404
    client.force_login(bundle.owner)
    assert client.get("/bundle/joe/to look at/").status_code == 200


@pytest.mark.parametrize("address", ["/bundle/joe/other/", "/bundle/nobody/to look at/"])
def test_there_is_no_such_bundle(client, bundle, address):
    assert client.get(address).status_code == 404


def test_an_empty_one(client, bundle):
    BundlePatch.objects.all().delete()
    assert b"No patch is in this bundle yet" in client.get("/bundle/joe/to look at/").content
