# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses of the pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import IntConverter

from patchwork.people.models import EmailConfirmation
from patchwork.web import accounts, bundles, letters, mails, patches, projects, series


class IdConverter(IntConverter):
    """A number that every database can look up."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "id")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", projects.index, name="projects"),
    path("project/<str:linkname>/", projects.front, name="project"),
    path("project/<str:linkname>/pwclientrc/", projects.pwclientrc, name="pwclientrc"),
    path("project/<str:linkname>/list/", series.listing, name="series-list"),
    path("project/<str:linkname>/patches/", patches.listing, name="patch-list"),
    path(
        "project/<str:linkname>/patch/<path:msgid>/mbox/",
        patches.by_msgid,
        {"address": "patch-mbox"},
    ),
    path(
        "project/<str:linkname>/patch/<path:msgid>/raw/",
        patches.by_msgid,
        {"address": "patch-raw"},
    ),
    path("project/<str:linkname>/patch/<path:msgid>/", patches.by_msgid, name="patch-by-msgid"),
    path(
        "project/<str:linkname>/cover/<path:msgid>/", letters.cover_by_msgid, name="cover-by-msgid"
    ),
    path("series/<id:series_id>/", series.show, name="series"),
    path("series/<id:series_id>/mbox/", series.mbox, name="series-mbox"),
    path("series/<id:series_id>/rev/<id:number>/", series.show, name="series-revision"),
    path("series/<id:series_id>/rev/<id:number>/mbox/", series.mbox, name="series-revision-mbox"),
    path("patch/<id:patch_id>/", patches.show, name="patch"),
    path("patch/<id:patch_id>/mbox/", patches.mbox, name="patch-mbox"),
    path("patch/<id:patch_id>/raw/", patches.raw, name="patch-raw"),
    path("cover/<id:cover_id>/", letters.cover, name="cover"),
    path("cover/<id:cover_id>/mbox/", letters.cover_mbox, name="cover-mbox"),
    path("bundle/<str:owner>/<path:name>/mbox/", bundles.mbox, name="bundle-mbox"),
    path("bundle/<str:owner>/<path:name>/", bundles.show, name="bundle"),
    path("comment/<id:comment_id>/", letters.comment, name="comment"),
    path("comment/<id:comment_id>/raw/", letters.comment_text, name="comment-raw"),
    path("mail/", mails.settings, name="mail-settings"),
    path(
        "mail/optout/",
        mails.ask,
        {"kind": EmailConfirmation.Kind.OPT_OUT},
        name="mail-optout",
    ),
    path("mail/optin/", mails.ask, {"kind": EmailConfirmation.Kind.OPT_IN}, name="mail-optin"),
    path("confirm/<str:key>/", mails.confirm, name="confirm"),
    path("user/", accounts.account, name="account"),
    path("user/wishes/", accounts.set_wishes, name="set-wishes"),
    path("user/tokens/", accounts.make_token, name="make-token"),
    path("user/tokens/<id:token_id>/revoke/", accounts.revoke_token, name="revoke-token"),
    path("user/login/", accounts.LogIn.as_view(), name="login"),
    path("user/logout/", LogoutView.as_view(next_page="projects"), name="logout"),
]
