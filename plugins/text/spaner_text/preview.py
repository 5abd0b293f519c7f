"""Shows texts: their beginning."""

from __future__ import annotations

import re

from spaner_core import Preview

LONGEST = 2_000
"""Characters of a text that are shown."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def preview(sample: str) -> Preview:
    """Show how a text begins; control characters, which a terminal obeys, become U+FFFD."""
    shown = sample if len(sample) <= LONGEST else sample[:LONGEST].rstrip() + " …"
    return Preview(text=_CONTROL.sub("\N{REPLACEMENT CHARACTER}", shown.replace("\r\n", "\n")))
