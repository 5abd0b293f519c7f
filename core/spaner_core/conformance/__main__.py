"""Examine a plugin and report: `python -m spaner_core.conformance NAME REFERENCE REPORT`.

The file REPORT gets a JSON line when a rule begins ("rule", "asks"), one when it ends (also
"passed", "remark") and a last one ("finished"), so that whoever started this process knows at
which rule it died. Ends with exit code 0 also when rules are broken.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from spaner_core.child import die_with_parent
from spaner_core.conformance.rules import RULES
from spaner_core.conformance.subject import open_subject
from spaner_core.conformance.verdicts import judge, sentence
from spaner_core.errors import PluginError

FINISHED = {"finished": True}
OPENS = {"rule": "check_opens", "asks": "The plugin can be imported and opened."}


def main(name: str, reference: str, report: Path) -> None:
    """Append a line to `report` as each rule begins and ends."""
    with report.open("a", encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        for line in _lines(name, reference, Path(folder)):
            file.write(json.dumps(line) + "\n")
            file.flush()


def _lines(name: str, reference: str, folder: Path) -> Iterator[Mapping[str, object]]:
    yield OPENS
    try:
        subject = open_subject(name, folder, reference=reference)
    except PluginError as error:
        yield {**OPENS, "passed": False, "remark": str(error)}
    else:
        yield {**OPENS, "passed": True, "remark": reference}
        for rule in RULES:
            yield {"rule": rule.__name__, "asks": sentence(rule)}
            yield dataclasses.asdict(judge(rule, subject))
    yield FINISHED


if __name__ == "__main__":
    die_with_parent()
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
