"""The pages at `/docs`: a landing page, and Scalar's API reference for each face.

Scalar's script comes from an installed package and is served from here, so that the pages work
where nothing of the internet is reachable; `POLICY` keeps a browser from asking anybody else.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from html import escape
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from domain.kit.json_types import JsonObject

_PACKAGE = "star_openapi_scalar"
# The version is in the path, so that a browser may keep the script for ever.
SCRIPT_PATH = f"/docs/scalar-{version(_PACKAGE)}.js"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CONFIGURATION: JsonObject = {
    "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
    "documentDownloadType": "json",
    "hideClientButton": True,
    "operationTitleSource": "summary",
    "orderRequiredPropertiesFirst": True,
    "persistAuth": False,
    "showDeveloperTools": "never",
    "withDefaultFonts": False,
    # What would lead to services of Scalar.
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "telemetry": False,
}
_FACES = (
    ("/docs/knock", "Knock API", "trigger workflows, identify recipients, read messages and feeds"),
    (
        "/docs/management",
        "Management API",
        "define, commit and promote workflows; set up channels and keys",
    ),
)
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 42rem; padding: 2rem 1rem }
li { margin: 1rem 0 } code { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
"""


def render_landing() -> str:
    """Return the page that `/docs` shows: which documents there are, and which key opens what."""
    items = "".join(
        f'<li><a href="{path}">{name}</a>: {text}. '
        f'<a href="{path}/openapi.json">OpenAPI document</a></li>'
        for path, name, text in _FACES
    )
    return _page(
        "Carillon: API reference",
        f"<style>{_STYLE}</style>",
        f"<h1>Carillon: API reference</h1><ul>{items}</ul>"
        "<p>Requests can be tried from these pages. The Knock API needs the secret key of an "
        "environment (for some operations its public key suffices), the Management API a service "
        "token. "
        "<code>make dev</code> prints them when it is ready.</p>",
    )


def render_reference(title: str, document_path: str) -> str:
    """Return the page of one face.

    Args:
        title: name of the face.
        document_path: where its OpenAPI document is.
    """
    configuration = json.dumps({**_CONFIGURATION, "url": document_path})
    return _page(
        title,
        "",
        '<noscript><p>This page needs JavaScript. <a href="/docs">All documents</a></p></noscript>'
        f'<script id="api-reference" data-configuration="{escape(configuration)}"></script>'
        f'<script src="{SCRIPT_PATH}"></script>',
    )


@lru_cache(maxsize=1)
def read_script() -> bytes:
    """Return Scalar's script, compressed with gzip."""
    found = find_spec(_PACKAGE)  # a look at the package's files; its modules are not for us
    if found is None or found.origin is None:
        raise FileNotFoundError(_PACKAGE)
    folder = Path(found.origin).parent / "templates" / "scalar" / "js"
    return gzip.compress((folder / "scalar.standalone.js").read_bytes())


def _page(title: str, head: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title>{head}</head><body>{body}</body></html>"
    )
