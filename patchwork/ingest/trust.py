# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether anything proves who sent a mail."""

from __future__ import annotations

import authres
from django.conf import settings

from patchwork.mail.facts import MailFacts


def is_authenticated(facts: MailFacts) -> bool:
    """Whether our own mail server says that the mail is from the domain in its From header.

    Only headers with the AUTHSERV_ID of the settings count: anybody can write one. The server has
    to remove headers that claim its name from what comes in, as RFC 8601 asks.
    """
    if not settings.AUTHSERV_ID or facts.rewritten_from is not None:
        return False
    domain = facts.sender.email.rpartition("@")[2].lower()
    return any(_passes(header, domain) for header in facts.authentication_results)


def _passes(header: str, domain: str) -> bool:
    try:
        verdict = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {header}")
    except Exception:  # noqa: BLE001 (whatever it raises: a header that cannot be read proves nothing)
        return False
    if verdict.authserv_id.lower() != settings.AUTHSERV_ID.lower():
        return False
    return any(_is_aligned(result, domain) for result in verdict.results)


def _is_aligned(result: authres.AuthenticationResult, domain: str) -> bool:
    """DMARC passing for the From domain, or a DKIM signature of exactly that domain."""
    if result.result.lower() != "pass":
        return False
    signed = {
        "dmarc": ("header", "from"),
        "dkim": ("header", "d"),
    }.get(result.method.lower())
    return signed is not None and any(
        (each.type, each.name) == signed and each.value.lower().rpartition("@")[2] == domain
        for each in result.properties
    )
