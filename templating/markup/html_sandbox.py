"""Native HTML work where no document can end or stall the process.

css-inline recurses by the depth of the document: ten thousand `<b>` overflow the stack, and
200,000 `<div>` take most of a minute. And HTML's own rules make every parser reopen unclosed
formatting elements in each block, so that 30 kB may become 20 MB. Nothing interrupts native code
or catches its crash. Documents that are small enough to be harmless whatever they hold are worked
on here; every other one by a child process whose time and memory are bounded, and whose death
costs this one document.
"""

from __future__ import annotations

import atexit
import os
import re
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

from templating.limits import EMAIL_LIMITS, LiquidError
from templating.markup.native_html import CLEAN, DONE, HEADER, INLINE, MJML, OPERATIONS

# A document of that many tags is at most a few thousand levels deep, and takes a few hundredths
# of a second and some 50 MB at the very worst.
_HARMLESS_TAGS = 512
_HARMLESS_CHARACTERS = 64 * 1024
# Selectors and rules times tags; more than the second bound is not tried at all.
_HARMLESS_INLINING = 200_000
_MAX_INLINING = 5_000_000
_MAX_CLEANED = 512 * 1024
# The child bounds its own CPU time; this is for one that is stopped, or starved for minutes.
_PATIENCE_SECONDS = 120.0
_PROGRAM = Path(__file__).with_name("native_html.py")


# How the compiler of MJML says where: in bytes, from and to.
_PLACE = re.compile(r"(?: in root template)?(?: at position (\d+):\d+)?$")


class SandboxFailure(Exception):
    """The document was too much for the child, which ended or was ended."""


class RefusedMjml(ValueError):
    """What is not MJML.

    Attributes:
        reason: for the author.
        offset: of what is wrong in the document, if it is at one place.
    """

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def inline_css(html: str) -> str:
    """Copy styles onto the elements, for mail readers that drop style tags.

    Returns the document as it is when it has no styles, or when that would take too long or too
    much memory: the style tags stay in either case, for the readers that know them.
    """
    if "<style" not in html.lower():
        return html
    work = (html.count("{") + html.count(",")) * html.count("<")
    if work > _MAX_INLINING:
        return html
    try:
        inlined = _run(INLINE, html, harmless=work <= _HARMLESS_INLINING)
    except (SandboxFailure, ValueError):
        return html
    return inlined if len(inlined) <= EMAIL_LIMITS.output else html


def clean_html(html: str) -> str:
    """Make HTML safe to put into a page; raise LiquidError when it cannot be done in bounds."""
    try:
        cleaned = _run(CLEAN, html)
    except (SandboxFailure, ValueError) as error:
        raise LiquidError("The HTML is nested too deep, or has too many elements.") from error
    if len(cleaned) > _MAX_CLEANED:
        raise LiquidError("The HTML becomes too long.")
    return cleaned


def compile_mjml(document: str) -> str:
    """Compile MJML to HTML. Raises RefusedMjml for what is not MJML, or too much of it."""
    try:
        return _run(MJML, document)
    except SandboxFailure as error:
        raise RefusedMjml("it is nested too deep or too long") from error
    except ValueError as error:
        place = _PLACE.search(str(error))
        offset = None
        if place is not None and place[1] is not None:
            before = document.encode()[: int(place[1])]
            offset = len(before.decode(errors="ignore"))
        raise RefusedMjml(_PLACE.sub("", str(error)), offset) from error


def _run(operation: bytes, html: str, *, harmless: bool = True) -> str:
    """Work on a document here or in a child. Raises SandboxFailure, or ValueError of a library."""
    is_small = len(html) <= _HARMLESS_CHARACTERS and html.count("<") <= _HARMLESS_TAGS
    if harmless and is_small:
        return OPERATIONS[operation](html)
    child = _children.take()
    try:
        answer = child.ask(operation, html)
    except BaseException:
        child.kill()
        raise
    _children.give_back(child)
    is_done, text = answer
    if not is_done:
        raise ValueError(text)
    return text


class _Child:
    """One child process, which belongs to one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own file, no shell
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us only; its input ends when we do
        )

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, operation: bytes, html: str) -> tuple[bool, str]:
        """Return whether the library did it, and its answer or why not. Raises SandboxFailure."""
        payload = html.encode()
        requests, answers = self._pipes()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            requests.write(HEADER.pack(operation, len(payload)) + payload)
            requests.flush()
        except OSError as error:
            raise SandboxFailure from error
        status, size = HEADER.unpack(_read(answers, HEADER.size, deadline))
        text = _read(answers, size, deadline).decode()
        return status == DONE, text

    def kill(self) -> None:
        """End the process and collect it."""
        self._process.kill()
        for pipe in self._pipes():
            with suppress(OSError):  # what was not written yet has nobody to read it
                pipe.close()
        self._process.wait()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise RuntimeError("the child has no pipes")
        return requests, answers


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    """Read exactly `size` bytes, past the pipe's own buffer, which `poll` cannot see."""
    poller = select.poll()  # `select` knows no descriptors beyond 1,023
    poller.register(pipe, select.POLLIN)
    data = bytearray()
    while len(data) < size:
        is_ready = poller.poll(max(deadline - time.monotonic(), 0) * 1_000)
        chunk = os.read(pipe.fileno(), size - len(data)) if is_ready else b""
        if not chunk:
            raise SandboxFailure
        data += chunk
    return bytes(data)


class _Children:
    """Children that wait for work; there are never more than threads that render."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = Lock()

    def take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                child.kill()
        return _Child()

    def give_back(self, child: _Child) -> None:
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        with self._lock:
            for child in self._idle:
                child.kill()
            self._idle.clear()


_children = _Children()
atexit.register(_children.close)
