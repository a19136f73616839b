# SPDX-License-Identifier: GPL-2.0-or-later
"""The door for pwclient: XML-RPC."""
