"""Declares the paths of the service."""

from __future__ import annotations

import asyncio
from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from spaner import __version__
from spaner.project import Project
from spaner.serve.answers import (
    Json,
    Parts,
    alone,
    answer_embed,
    answer_preview,
    answer_propagate,
    answer_search,
    ask_embed,
    ask_search,
)
from spaner.serve.described import describe_space
from spaner.serve.errors import Refused, status_and_line
from spaner.serve.requests import EmbedRequest, PropagateRequest, SearchRequest, SentInput
from spaner.serve.shown_rows import Previews, find_row, sound_of
from spaner.serve.worker import Answer, Ask, Worker

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def build_api(worker: Worker) -> FastAPI:
    """Build the service; what it is asked is answered by the `worker`."""
    api = FastAPI(
        title="SPANER",
        version=__version__,
        description="Searches a space of images, texts, sounds and series.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        responses={400: {"description": "One line, as `error`, that says what is wrong."}},
    )
    for kind in (HTTPException, RequestValidationError, Exception):
        api.add_exception_handler(kind, _explain)
    _add_questions(api, worker)
    _add_rows(api, worker)
    _add_page(api)
    return api


async def _asked(worker: Worker, ask: Ask, answer: Answer) -> Any:
    return await asyncio.wrap_future(worker.ask(ask, answer))


def _nothing(project: Project) -> Parts:
    return ()


def _add_questions(api: FastAPI, worker: Worker) -> None:
    @api.get("/health")
    async def health() -> Json:
        """Say that the service is there."""
        return {"status": "ok", "version": __version__}

    @api.get("/space")
    async def space() -> Any:
        """Describe the modalities, what each may find, and what is known of it."""
        return await _asked(worker, _nothing, alone(describe_space))

    @api.post("/search")
    async def search(asked: SearchRequest) -> Any:
        """Find rows by inputs, rows, or both."""
        return await _asked(
            worker, partial(ask_search, asked=asked), partial(answer_search, asked=asked)
        )

    @api.post("/embed")
    async def embed(asked: EmbedRequest) -> Any:
        """Embed inputs."""
        return await _asked(
            worker, partial(ask_embed, asked=asked), partial(answer_embed, asked=asked)
        )

    @api.post("/preview")
    async def preview(sent: SentInput) -> Any:
        """Say as what an input is read, and show it."""
        return await _asked(worker, _nothing, alone(partial(answer_preview, sent=sent)))

    @api.post("/propagate")
    async def propagate(asked: PropagateRequest) -> Any:
        """Carry labels of one modality's rows to another's."""
        return await _asked(worker, _nothing, alone(partial(answer_propagate, asked=asked)))


def _add_rows(api: FastAPI, worker: Worker) -> None:
    previews = Previews()

    @api.get("/previews/{modality}/{row:path}")
    async def row_preview(modality: str, row: str, request: Request) -> Response:
        """Show a row, small; a browser that has the same preview gets 304."""
        known = request.headers.get("if-none-match")

        def answer(project: Project, _: Parts) -> tuple[str, Any]:
            found = find_row(project, modality, row)
            tag = f'"{found.content[:32]}"'
            return tag, None if tag == known else previews.of(project, found)

        tag, shown = await _asked(worker, _nothing, answer)
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if shown is None:
            return Response(status_code=304, headers=headers)
        return JSONResponse(shown, headers=headers)

    @api.get("/sounds/{modality}/{row:path}")
    async def row_sound(modality: str, row: str) -> Response:
        """Return the sound of a row, to be played."""
        content, kind = await _asked(
            worker, _nothing, lambda project, _: sound_of(find_row(project, modality, row))
        )
        return Response(content, media_type=kind, headers={"cache-control": "private, no-cache"})


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
        return Response(parts[name], media_type=kind, headers={"cache-control": "no-cache"})


async def _explain(_: Request, error: Exception) -> JSONResponse:
    """Say in one line what is wrong."""
    if isinstance(error, RequestValidationError):
        return JSONResponse({"error": _first_wrong(error)}, status_code=400)
    if isinstance(error, HTTPException):
        line = f"{error.detail}; /openapi.json says what can be asked"
        return JSONResponse({"error": line}, error.status_code, headers=error.headers)
    status, line = status_and_line(error)
    return JSONResponse({"error": line}, status_code=status)


def _first_wrong(error: RequestValidationError) -> str:
    """Name the place and the fault of the first thing that is wrong, never what was sent."""
    first, *others = error.errors()
    place = ".".join(str(part) for part in first["loc"][1:])[:100] or "the request"
    more = f"; and {len(others)} more" if others else ""
    return " ".join(f"{place}: {first['msg']}{more}".split())
