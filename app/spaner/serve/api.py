"""Declares the paths of the service."""

from __future__ import annotations

import asyncio
from asyncio import wrap_future
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from spaner_core.errors import SpanerError
from starlette.exceptions import HTTPException

from spaner import __version__
from spaner.project import Project
from spaner.serve.answers import (
    Json,
    answer_embed,
    answer_explain,
    answer_forget,
    answer_preview,
    answer_propagate,
    answer_search,
    ask_embed,
    ask_search,
    show_row,
)
from spaner.serve.described import describe_space
from spaner.serve.errors import Refused, error_body, status_and_line
from spaner.serve.indexed import Found
from spaner.serve.limits import Limits
from spaner.serve.requests import (
    EmbedRequest,
    ExplainRequest,
    PropagateRequest,
    SearchRequest,
    SentInput,
)
from spaner.serve.shown_rows import Previews, kind_of_sound, sound_of
from spaner.serve.worker import Worker

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
MOST_LONG = 4
"""Questions at once that may take long: explanations and propagations."""


def build_api(worker: Worker, *, limits: Limits) -> FastAPI:
    """Build the service; what it is asked is answered by the `worker`."""
    api = FastAPI(
        title="SPANER",
        version=__version__,
        description="Searches a space of images, texts, sounds and series.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        responses={400: {"description": "One line, as `error`, that says what is wrong."}},
    )
    for kind in (HTTPException, RequestValidationError, SpanerError, Exception):
        api.add_exception_handler(kind, _explain)
    _add_questions(api, worker, limits)
    _add_long_questions(api, worker)
    _add_rows(api, worker)
    _add_deletion(api, worker)
    _add_page(api)
    return api


def _add_questions(api: FastAPI, worker: Worker, limits: Limits) -> None:
    @api.get("/health")
    async def health() -> Json:
        """Say that the service is there."""
        return {"status": "ok", "version": __version__}

    @api.get("/space")
    async def space() -> Any:
        """Describe the modalities, what each may find, and what is known of it."""
        described = await wrap_future(worker.ask_alone(describe_space))
        return {**described, "most_bytes": limits.file_bytes}

    @api.post("/search")
    async def search(asked: SearchRequest) -> Any:
        """Find rows by inputs, rows, or both."""
        ask, answer = partial(ask_search, asked=asked), partial(answer_search, asked=asked)
        return await wrap_future(worker.ask(ask, answer))

    @api.post("/embed")
    async def embed(asked: EmbedRequest) -> Any:
        """Embed inputs."""
        ask, answer = partial(ask_embed, asked=asked), partial(answer_embed, asked=asked)
        return await wrap_future(worker.ask(ask, answer))

    @api.post("/preview")
    async def preview(sent: SentInput) -> Any:
        """Say as what an input is read, and show it."""
        return await wrap_future(worker.ask_alone(partial(answer_preview, sent=sent)))


def _add_long_questions(api: FastAPI, worker: Worker) -> None:
    waiting = asyncio.Semaphore(MOST_LONG)

    async def ask(answer: Callable[[Project], Json]) -> Any:
        if waiting.locked():
            raise Refused(503, "too many such questions at once; ask again in a moment")
        async with waiting:
            return await wrap_future(worker.ask_alone(answer))

    @api.post("/explain")
    async def explain(asked: ExplainRequest) -> Any:
        """Say why a hit was found."""
        return await ask(partial(answer_explain, asked=asked))

    @api.post("/propagate")
    async def propagate(asked: PropagateRequest) -> Any:
        """Carry labels of one modality's rows to another's."""
        return await ask(partial(answer_propagate, asked=asked))


def _add_deletion(api: FastAPI, worker: Worker) -> None:
    @api.delete("/items/{row:path}")
    async def forget(row: str) -> Any:
        """Take a row out of store, index, calibration, log's words and later training."""
        return await wrap_future(worker.ask_alone(lambda project: answer_forget(project, row)))


def _add_rows(api: FastAPI, worker: Worker) -> None:
    previews = Previews()

    @api.get("/previews/{modality}/{row:path}")
    async def row_preview(modality: str, row: str, request: Request) -> Response:
        """Show a row, small; a browser that has the same preview gets 304."""
        known = request.headers.get("if-none-match")

        def show(project: Project, found: Found) -> tuple[str, Any]:
            tag = f'"{found.content[:32]}"'
            if tag == known:
                return tag, None
            return tag, {**previews.of(project, found), "sound": kind_of_sound(found) is not None}

        tag, shown = await wrap_future(
            worker.ask_alone(
                lambda project: show_row(project, modality, row, partial(show, project))
            )
        )
        if shown is None:
            return Response(status_code=304, headers={"etag": tag})
        return JSONResponse(shown, headers={"etag": tag})

    @api.get("/sounds/{modality}/{row:path}")
    async def row_sound(modality: str, row: str) -> Response:
        """Return the sound of a row, to be played, or a range of its bytes."""
        path, kind = await wrap_future(
            worker.ask_alone(lambda project: show_row(project, modality, row, sound_of))
        )
        return FileResponse(path, media_type=kind)


def _add_page(api: FastAPI) -> None:
    folder = files("spaner.serve") / "page"
    parts = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}

    @api.get("/", include_in_schema=False)
    async def page() -> Response:
        return _file("index.html")

    @api.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        return _file(name)

    def _file(name: str) -> Response:
        if name not in parts:
            raise Refused(404, "there is no such page")
        kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(parts[name], media_type=kind)


async def _explain(_: Request, error: Exception) -> Response:
    """Say in one line what is wrong."""
    headers = None
    if isinstance(error, HTTPException):
        headers = error.headers
        status, line = error.status_code, f"{error.detail}; /openapi.json says what can be asked"
    elif isinstance(error, RequestValidationError):
        status, line = 400, _first_wrong(error)
    else:
        status, line = status_and_line(error)
    return Response(error_body(line), status, headers, media_type="application/json")


def _first_wrong(error: RequestValidationError) -> str:
    """Name the place and the fault of the first thing that is wrong, never what was sent."""
    first, *others = error.errors()
    if first["loc"] == ("body",) and isinstance(error.body, bytes):
        return "the request is not said to be JSON; send it with Content-Type: application/json"
    place = ".".join(str(part) for part in first["loc"][1:])[:100] or "the request"
    more = f"; and {len(others)} more" if others else ""
    return " ".join(f"{place}: {first['msg']}{more}".split())
