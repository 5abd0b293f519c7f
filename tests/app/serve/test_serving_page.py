"""docs/serving.md followed word for word."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.app.serve.services import example, serving
from tests.doc_blocks import blocks_of

PAGE = (Path(__file__).parents[3] / "docs/serving.md").read_text(encoding="utf-8")
PLACE = "http://127.0.0.1:8000"
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_page_does_what_it_says(served: Path, spaner: Run) -> None:
    shutil.copyfile(example(served, "vision"), served / "photo.png")
    first, *others = [block for block in blocks_of(PAGE) if block.kind == "sh"]
    *prepare, serve = first.content.splitlines()
    for line in prepare:
        done = spaner(*shlex.split(line)[1:], cwd=served)
        assert done.returncode == 0, done.stderr
    assert serve == "spaner serve"
    asked = 0
    with serving(served) as service:
        for block in others:
            if "--token-file" in block.content:
                continue
            run = ["bash", "-ec", block.content.replace(PLACE, service.url)]
            done = subprocess.run(run, cwd=served, capture_output=True, text=True, check=True)
            refused = block.words.endswith("since nothing is called so:")
            decoder, content = json.JSONDecoder(), done.stdout
            while content:
                found, end = decoder.raw_decode(content)
                assert ("error" in found) is refused, found
                content, asked = content[end:], asked + 1
    assert asked == 7


def test_the_page_lets_in_who_has_a_token(served: Path) -> None:
    (block,) = (block for block in blocks_of(PAGE) if "--token-file" in block.content)
    *prepare, serve, ask = block.content.splitlines()
    for line in prepare:
        subprocess.run(["bash", "-ec", line], cwd=served, check=True)
    _, token = (served / "tokens").read_text(encoding="utf-8").split()
    with serving(served, *shlex.split(serve)[2:]) as service:
        port = service.url.rpartition(":")[2]
        ask = ask.replace("$TOKEN", token).replace(":8000", f":{port}")
        done = subprocess.run(shlex.split(ask), capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["modalities"]
        assert service.end(signal.SIGTERM).stdout == ""
