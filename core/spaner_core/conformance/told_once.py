"""What many rules need, made once; when that fails, one rule tells it and the others are silent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from spaner_core.conformance.broken_rule import NotTried

MadeT = TypeVar("MadeT")


def told_once(what: str) -> Callable[[Callable[[Any], MadeT]], cached_property[MadeT]]:
    """Return a decorator that does as `cached_property`, and fails with the true reason once.

    The first rule that asks for `what` meets whatever goes wrong in making it; every later one
    meets `NotTried`: thirty rules that say the same would hide what else there is to mend.
    """

    def decorate(make: Callable[[Any], MadeT]) -> cached_property[MadeT]:
        name = make.__name__

        def making(subject: Any) -> MadeT:
            if name in subject.failed:
                raise NotTried(f"not tried: it needs {what}; see the rule that says what is wrong")
            try:
                return make(subject)
            except NotTried:
                raise
            except Exception:
                subject.failed.add(name)
                raise

        making.__doc__ = make.__doc__
        return cached_property(making)

    return decorate
