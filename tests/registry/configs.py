"""The smallest plugins.yaml."""

from __future__ import annotations

SMALLEST = "space: s\ndata: {manifest: m.csv}\nmodalities: {text: }\n"
