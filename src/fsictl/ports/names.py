"""What topics, pipelines, folders and files may be called: the same on every backend."""

from __future__ import annotations

import re

from fsictl.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_name(what: str, name: str) -> str:
    """The name itself when it may be used; ``InputError`` otherwise.

    >>> check_name("topic", "job-events")
    'job-events'
    """
    if _NAME.fullmatch(name) is None:
        article = "an" if what[0] in "aeiou" else "a"
        message = f"{name!r} cannot be the name of {article} {what}"
        raise InputError(message, hint="Use up to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit.")
    return name
