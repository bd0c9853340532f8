"""Write the OpenAPI documents to `docs/openapi/`: `python -m scripts.openapi`.

They are made from the code, and committed so that a change of the API shows in review.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from api.reference.routes import knock_document, management_document

FOLDER = Path(__file__).parents[1] / "docs" / "openapi"


def render() -> Mapping[Path, str]:
    """Return what each file must hold; members keep the order of the code."""
    documents = {"knock": knock_document(), "management": management_document()}
    return {
        FOLDER / f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in documents.items()
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in render().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
