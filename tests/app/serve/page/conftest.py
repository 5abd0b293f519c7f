"""The demonstration's space behind one service, and pages of it in a browser without a screen."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.app.serve.page.browsed import Browsed, browsed
from tests.app.serve.services import Service, serving

Run = Callable[..., subprocess.CompletedProcess[str]]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]

COMMANDS = (("train", "text", "vision", "audio"), ("attach", "sensor"), ("index",), ("calibrate",))


@pytest.fixture(scope="session")
def demonstration(made_once: MadeOnce, demo_data: Path, spaner: Run) -> Path:
    """The demonstration's project, trained, indexed and calibrated; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(demo_data, folder)
        config = (files("spaner.demo") / "plugins.yaml").read_bytes()
        (folder / "plugins.yaml").write_bytes(config)
        for command in COMMANDS:
            done = spaner(*command, "--quiet", cwd=folder)
            assert done.returncode == 0, done.stderr

    return made_once("served-demonstration", make)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, demonstration: Path) -> Iterator[Service]:
    """One service of a copy for all tests of a module; who changes its files puts them back."""
    folder = shutil.copytree(demonstration, tmp_path_factory.mktemp("page") / "project")
    with serving(Path(folder)) as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (Debian's package of that name)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Browsed]:
    """The page, just opened; it fails a test that lets it ask elsewhere or break its own policy."""
    with browsed(browser, service.url) as page:
        yield page
