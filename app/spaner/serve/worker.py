"""Answers questions in one thread, which embeds their inputs together."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from spaner_core.errors import DataError
from spaner_core.space.encode import BATCH_WINDOWS

from spaner.project import Project
from spaner.search.query_parts import QueryPart
from spaner.serve.opened import Opened

MOST_TOGETHER = 32
"""Questions whose inputs are embedded together."""

Ask = Callable[[Project], Sequence[QueryPart]]
"""Checks what is asked and reads its inputs: each part's `given` is a `TakenSample`, or an id."""
Answer = Callable[[Project, Sequence[QueryPart]], Any]
"""Answers by the parts, whose inputs are features now."""


@dataclass(eq=False)
class Question:
    """What one client asks, and the place of its answer; its context says who it is."""

    ask: Ask
    answer: Answer
    future: Future[Any] = field(default_factory=Future)
    parts: list[QueryPart] = field(default_factory=list)
    context: Context = field(default_factory=copy_context)


class Worker:
    """The only thread that works with the project, its encoders and torch.

    It takes all questions that wait, and embeds their inputs of one modality in one batch. What one
    question raises is its own answer.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._waiting: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spaner-serve", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def ask(self, ask: Ask, answer: Answer) -> Future[Any]:
        """Let a question wait for its answer; one that is cancelled before is not answered."""
        question = Question(ask, answer)
        self._waiting.put(question)
        return question.future

    def ask_alone(self, answer: Callable[[Project], Any]) -> Future[Any]:
        """Let a question wait that has no inputs to be embedded with those of others."""
        return self.ask(lambda _: (), lambda project, _: answer(project))

    def close(self, *, within_s: float) -> None:
        """Answer what waits, and end."""
        self._waiting.put(None)
        self._thread.join(within_s)

    def _run(self) -> None:
        last = False
        while not last:
            together, last = self._next()
            self._answer([q for q in together if q.future.set_running_or_notify_cancel()])

    def _next(self) -> tuple[list[Question], bool]:
        """Wait for questions; return those that wait, and whether they are the last."""
        together: list[Question] = []
        given = self._waiting.get()
        while given is not None:
            together.append(given)
            if len(together) == MOST_TOGETHER or self._waiting.empty():
                return together, False
            given = self._waiting.get()
        return together, True

    def _answer(self, questions: Sequence[Question]) -> None:
        for question in questions:
            with _answering(question):
                question.parts = [*question.context.run(question.ask, self._opened.now())]
        _embed_together(self._opened, questions)
        # searches first: what has no parts may take longer
        for question in sorted(questions, key=lambda one: not one.parts):
            if not question.future.done():
                with _answering(question):
                    given = (self._opened.now(), question.parts)
                    question.future.set_result(question.context.run(question.answer, *given))


def _embed_together(opened: Opened, questions: Sequence[Question]) -> None:
    """Put features in the place of inputs, those of one modality in batches."""
    places: dict[str, list[tuple[Question, int]]] = defaultdict(list)
    for question in questions:
        for number, part in enumerate(question.parts):
            if not part.is_row:
                places[part.source].append((question, number))
    for name, found in places.items():
        with _answering(*(question for question, _ in found)), torch.inference_mode():
            _extract(opened.now(), name, found)


def _extract(project: Project, name: str, found: Sequence[tuple[Question, int]]) -> None:
    given = [question.parts[number].given for question, number in found]
    project.space.check_modality(name)
    extracted = project.assembly.extract_usable(
        name, given, batch_size=BATCH_WINDOWS, read_one=lambda: None
    )
    for row, place in enumerate(extracted.usable):
        question, number = found[place]
        features = extracted.rows.take(torch.tensor([row]))
        question.parts[number] = replace(question.parts[number], given=features)
    for place, why in extracted.unusable.items():
        with _answering(found[place][0]):
            raise DataError(f"{given[place].name}: {why}")


@contextmanager
def _answering(*questions: Question) -> Iterator[None]:
    """Make what is raised the answer of the questions, where they have none."""
    try:
        yield
    except Exception as error:
        for question in questions:
            if not question.future.done():
                question.future.set_exception(error)
