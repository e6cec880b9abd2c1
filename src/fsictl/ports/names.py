"""What topics, pipelines, folders and files may be called: the same on every backend."""

from __future__ import annotations

import re

from fsictl.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def is_name(name: str) -> bool:
    """Whether it can be the name of something of ours.

    >>> is_name("champion.EURUSD"), is_name("champion~")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def check_name(what: str, name: str) -> str:
    """The name itself when it may be used; ``InputError`` otherwise.

    >>> check_name("topic", "job-events")
    'job-events'
    """
    if not is_name(name):
        article = "an" if what[0] in "aeiou" else "a"
        message = f"{name!r} cannot be the name of {article} {what}"
        raise InputError(message, hint="Use up to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit.")
    return name
