"""Shows texts: their beginning."""

from __future__ import annotations

from spaner_core import Preview

LONGEST = 2_000
"""Characters of a text that are shown."""


def preview(sample: str) -> Preview:
    """Show how a text begins."""
    return Preview(text=sample if len(sample) <= LONGEST else sample[:LONGEST].rstrip() + " …")
