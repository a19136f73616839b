# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place that sends mail: written in the transaction that decides, delivered by a job."""
