"""Shows one input: picture, words, or a page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile

from spaner_core.contract.hookspecs import HEAD_BYTES
from spaner_core.contract.modality import Preview
from spaner_core.contract.transform import Sample
from spaner_core.data.manifest import inline_source
from spaner_core.errors import DataError, PluginError, UnusableInput
from spaner_core.features.inputs import file_of
from spaner_core.files.atomic import written_at_end
from spaner_core.files.ordinary import open_ordinary
from spaner_core.previews.pages import preview_html

from spaner.output_paths import check_output_file
from spaner.project import Project
from spaner.recognition import only_one, recognise, taking_texts
from spaner.reports import Report

_PAGE = "preview.html"
"""The page's template, beside this file."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ShownInput(Report):
    """An input, the modality that it was read as, and its preview."""

    name: str
    modality: str
    preview: Preview

    def page(self) -> str:
        """Return one HTML page that needs nothing else, light or dark as its reader wants it."""
        from jinja2 import Environment
        from markupsafe import Markup

        template = (files("spaner") / _PAGE).read_text(encoding="utf-8")
        page = Environment(autoescape=True).from_string(template)
        figure = Markup(preview_html(self.preview))
        return page.render(title=self.name, modality=self.modality, figure=figure)

    def write_picture(self) -> Path | None:
        """Write the picture to a new file where temporary ones are; None where there is none."""
        if self.preview.png is None:
            return None
        with NamedTemporaryFile(prefix="spaner-preview-", suffix=".png", delete=False) as file:
            file.write(self.preview.png)
        return Path(file.name)


def preview(
    project: Project,
    given: str,
    *,
    modality: str | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> ShownInput:
    """Read an input, a path or a text, and ask its plugin for a preview.

    Without a `modality`, plugins say whose it may be. Where an `output` is named, its page is
    written there. Raises `ConfigError` where no plugin or several may be meant, `DataError` where
    the input cannot be read or its plugin shows nothing, and as `check_output_file` before any
    work.
    """
    if output is not None:
        check_output_file(project, output, flag="--output", overwrite=overwrite, suffix=".html")
    shown = _show(project, given, modality=modality)
    if output is not None:
        page = shown.page()
        with written_at_end(output) as partial:
            partial.write_text(page, encoding="utf-8")
    return shown


def _show(project: Project, given: str, *, modality: str | None) -> ShownInput:
    name = _recognised(project, given) if modality is None else modality
    project.check_query(given, name)
    plugin = project.registry.load(name)
    source: Path | str = Path(given)
    if plugin.modality.inline:
        source = inline_source(given, Path(), suffixes=plugin.modality.suffixes)
    try:
        shown = show_sample(project, name, project.assembly.modality(name).transform.decode(source))
    except UnusableInput as error:
        raise DataError(f"{given if isinstance(source, Path) else 'the text'}: {error}") from error
    title = source.name if isinstance(source, Path) else "a text"
    return ShownInput(name=title, modality=name, preview=shown)


def show_sample(project: Project, name: str, sample: Sample) -> Preview:
    """Ask the plugin of a modality for the preview of a decoded input.

    Raises `UnusableInput` where it fails on it, `DataError` where it shows nothing, `PluginError`
    for what cannot be shown.
    """
    shown = project.registry.load(name).preview(sample)
    if shown is None:
        raise DataError(
            f"plugin {name!r} shows nothing of its inputs; expected a preview; its author can add "
            "the hook spaner_preview"
        )
    _check(shown, name)
    return shown


def _check(preview: Preview, name: str) -> None:
    try:
        preview_html(preview)
    except ValueError as error:
        raise PluginError(
            f"plugin {name!r}: its preview cannot be shown ({error}); expected a text or a PNG; "
            "report it to its author"
        ) from error


def _recognised(project: Project, given: str) -> str:
    """Return the only declared modality that an input may be of."""
    names = _candidates(project, given)
    return only_one(project, names, given=repr(given), how="with --from")


def _candidates(project: Project, given: str) -> list[str]:
    """Ask plugins by an input's first bytes, then by its suffix; a text may be of any inline one.

    Raises `DataError` where it is spelt like a file and there is none.
    """
    named = Path(given.partition("#")[0])
    if not os.path.lexists(named) or (named.is_dir() and "/" not in given):
        for name in project.config.modalities:
            project.check_query(given, name)
        return taking_texts(project)
    try:
        return recognise(project, *_head(Path(given)))
    except PluginError as error:
        raise PluginError(f"{given}: {error}") from error


def _head(path: Path) -> tuple[bytes, str | None]:
    """Return a file's first bytes, and its suffix. Raises `DataError` where it cannot be read."""
    try:
        file, _ = file_of(path)
        with open_ordinary(file) as opened:
            return opened.read(HEAD_BYTES), file.suffix.lower() or None
    except (OSError, UnusableInput) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
