"""Renders what was found as one HTML page that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

MARK = '<script type="application/json" id="report-figures">'
"""What stands before the figures in the file."""

END = "</script>"


def render(view: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """Fill the page with what is shown, and keep `numbers` in it as JSON."""
    from jinja2 import Environment
    from markupsafe import Markup

    folder = files("spaner.report") / "page"
    template = (folder / "report.html").read_text(encoding="utf-8")
    style = (folder / "report.css").read_text(encoding="utf-8")
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    return page.render(view, style=Markup(style), figures=Markup(MARK + embedded(numbers) + END))


def embedded(numbers: Mapping[str, Any]) -> str:
    """Write JSON that cannot end the element it stands in."""
    text = json.dumps(numbers, ensure_ascii=True, allow_nan=False, indent=1)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")
