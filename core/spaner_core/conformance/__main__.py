"""Examine a plugin and report: `python -m spaner_core.conformance NAME REFERENCE REPORT`.

The file REPORT gets a JSON line when a rule begins ("rule", "asks") and one when it ends (also
"passed", "remark"), so that whoever started this process knows during which rule it died. Ends
with exit code 0 also when rules are broken.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from spaner_core.conformance.rules import RULES
from spaner_core.conformance.subject import open_subject
from spaner_core.conformance.verdicts import Verdict, judge, sentence
from spaner_core.errors import PluginError

OPENS = {"rule": "check_opens", "asks": "The plugin can be imported and opened."}


def main(name: str, reference: str, report: Path) -> None:
    """Append a line to `report` as each rule begins and ends."""
    with report.open("a", encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        _write(file, OPENS)
        try:
            subject = open_subject(name, Path(folder), reference=reference)
        except PluginError as error:
            _write(file, dataclasses.asdict(Verdict(**OPENS, passed=False, remark=str(error))))
            return
        _write(file, dataclasses.asdict(Verdict(**OPENS, passed=True, remark=reference)))
        for rule in RULES:
            _write(file, {"rule": rule.__name__, "asks": sentence(rule)})
            _write(file, dataclasses.asdict(judge(rule, subject)))


def _write(file: TextIO, line: Mapping[str, object]) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
