"""Starts the program: `spaner`, or `python -m spaner`.

What takes its time to import is imported once signals are listened to.
"""

from __future__ import annotations

import os
import sys

from spaner import signals

SETTINGS = {
    # threads that wait without spinning: on a busy machine spinning costs minutes
    "OMP_WAIT_POLICY": "PASSIVE",
    # neither looks for plugins of its own: one damaged distribution would end the program there
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
}
"""Set before anything heavy is imported, unless the user has set them."""


def main() -> None:
    """Run the command line; exit 0, 2 when the input is wrong, 1 when the program is.

    A signal ends it as that signal, after what it was at has been cleaned up.
    """
    signals.listen()
    try:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        from spaner.cli.running import run

        code = run(sys.argv[1:])
    except BaseException as error:
        if not (isinstance(error, KeyboardInterrupt) or signals.was_asked()):
            raise
        signals.end()
    signals.finish()
    sys.exit(code)


if __name__ == "__main__":
    main()
