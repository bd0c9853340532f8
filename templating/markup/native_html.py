"""The native HTML libraries; also the program of the child process that runs them.

Executed by path, so it imports nothing of ours. A child answers one request after the other until
its input ends; see `templating.markup.html_sandbox` for who asks, and why there.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import struct
import sys
from collections.abc import Callable

import css_inline
import mrml
import nh3

HEADER = struct.Struct("!cI")
DONE, FAILED = b"+", b"-"
INLINE, CLEAN, MJML = b"i", b"c", b"m"

_MAX_MEMORY_BYTES = 1024**3
# CPU time of one request; real documents take milliseconds.
_MAX_SECONDS = 2.0

_INLINER = css_inline.CSSInliner(
    keep_style_tags=True, keep_at_rules=True, keep_link_tags=True, load_remote_stylesheets=False
)
_STYLES = {
    "background-color", "border", "border-radius", "color", "font-size", "font-style",
    "font-weight", "margin", "padding", "text-align", "text-decoration",
}  # fmt: skip
_ATTRIBUTES = {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
_ATTRIBUTES.setdefault("*", set()).update({"class", "style"})
# The last one is for us: see `templating.markup.links`.
_ATTRIBUTES["a"].update({"target", "title", "data-knock-no-track"})
_ATTRIBUTES["img"].add("title")
_CLEANER = nh3.Cleaner(attributes=_ATTRIBUTES, filter_style_properties=_STYLES)


def inline(html: str) -> str:
    """Copy the rules of style tags onto the elements; the tags stay. Raises ValueError."""
    return _INLINER.inline(html)


def clean(html: str) -> str:
    """Drop what could run or disguise itself: scripts, handlers, odd schemes and styles."""
    return _CLEANER.clean(html)


def compile_mjml(document: str) -> str:
    """Compile MJML to HTML; it includes no other files. Raises ValueError for what is not MJML."""
    try:
        return str(mrml.to_html(document).content)
    except OSError as error:
        raise ValueError(str(error)) from error


OPERATIONS: dict[bytes, Callable[[str], str]] = {INLINE: inline, CLEAN: clean, MJML: compile_mjml}


def main() -> None:
    """Answer requests until the input ends, with a bound on memory and no core dumps."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with contextlib.suppress(OSError, ValueError):  # not every system bounds memory
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(HEADER.size):
        operation, size = HEADER.unpack(header)
        html = requests.read(size).decode()
        # The kernel ends this process when the time is used up: native code cannot be asked to.
        signal.setitimer(signal.ITIMER_PROF, _MAX_SECONDS)
        try:
            status, text = DONE, OPERATIONS[operation](html)
        except Exception as error:
            status, text = FAILED, str(error)
        signal.setitimer(signal.ITIMER_PROF, 0)
        payload = text.encode()
        answers.write(HEADER.pack(status, len(payload)) + payload)
        answers.flush()


if __name__ == "__main__":
    main()
