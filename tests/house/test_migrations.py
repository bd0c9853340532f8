"""A migration that has landed is never changed: databases that have run it do not run it again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "migrations" / "versions"
# A new migration gets a line here when it lands. What it forgot belongs into the next one.
LANDED = {
    "2026-11-22-1229_first_tables.py": (
        "d47e7a64993558f4d7c53afc844c9c10f3818eccad0a8a4b86d04f9f9ca6023a"
    ),
    "2026-11-26-0810_whole_engine.py": (
        "f41adc3bd5d160da6433e572ffc64f85d052126592b72c5075399518daef2b0e"
    ),
    "2026-11-26-1100_kinds.py": (
        "1f4146050db781cc51537d6d68b4b9022635aa4303625cc912aead95ac9ed98d"
    ),
    "2026-11-26-1110_waits_for_changes.py": (
        "158d6133599343c4e03f1e163591438b8667fc30d56530cea9b6cb771b64c10d"
    ),
    "2026-11-26-1120_indexes_of_lists.py": (
        "4150f38d03e17223af0b1591a179ca3aa39f4cdba4e18825f0371370313dff6c"
    ),
    "2026-11-26-1400_short_links.py": (
        "5b1bf02034cbcb0f26e54f6ab36330c8c8cef2edeb3a0ce63fd16502a0d0ba76"
    ),
    "2026-11-26-1410_chain_and_commits.py": (
        "b096efd2cfacc99162b7aeedb44e6ba10955bf1633fa661f52d24de4cdec3fa3"
    ),
    "2026-11-26-1420_attachments.py": (
        "00907d31407c6eb607275ecc164d031821040faa536d7e528d8a87bca6662cc2"
    ),
    "2026-11-26-1430_branches.py": (
        "9ec574e4ad900795def226b460f48b6b0c5153fccdab1d4b4f64a0254fd4633a"
    ),
    "2026-11-26-1440_lists.py": (
        "178652aee62854d92bcb8a638573d1762002323fb94ab635b8824ed80b947bc4"
    ),
    "2026-11-26-1600_status_checks.py": (
        "f5fdc59183305d8fcc7b7b627ee4f4f4b6a4a022cf3e22a8def5a9ea19ce5491"
    ),
    "2026-11-26-1610_csv_files.py": (
        "bfcf7e632118c0299d74660d54251d4c91be89aad971d1a4331905a2be342fec"
    ),
    "2026-11-26-2000_triggers.py": (
        "c62b87942217a0fc6304ad363773a8c5618df447372188432fdf3ad027783254"
    ),
    "2026-11-26-2050_feed_windows.py": (
        "20c62cce9ca7856730526c6257c9349db19a77c76fbea72193cce8692c97a197"
    ),
    "2026-11-27-0420_feed_filters.py": (
        "b44a815854f2fd50f2cf8266c9c07943462f35cb676e89d907e64d7c6841af17"
    ),
    "2026-11-27-0750_sandbox_first_runs.py": (
        "345d45097c45f47856ea56ac0f35494693f2ff6bdf0b20478114d6acba420328"
    ),
}


def test_landed_migrations_stay_as_they_are() -> None:
    """Each file is listed here, by its content."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.py")}
    assert files == LANDED


def test_indexes_of_tables_that_have_rows_are_built_concurrently() -> None:
    """Any other index keeps everybody from writing to its table for as long as it is built."""
    blocking = []
    for path in sorted(FOLDER.glob("*.py")):
        calls = list(_operations(path))
        new = {ast.literal_eval(call.args[0]) for name, call in calls if name == "create_table"}
        for name, call in calls:
            if name != "create_index":
                continue
            is_new = len(call.args) > 1 and ast.literal_eval(call.args[1]) in new
            if not is_new and "postgresql_concurrently" not in {word.arg for word in call.keywords}:
                blocking.append(ast.unparse(call.args[0]))
    # Open windows and content have few rows.
    assert blocking == [
        "op.f('ix_batches_environment_id_recipient_id_collection')",
        "'ix_content_resources_audiences'",
    ]


def _operations(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of Alembic's `op` with its name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Name) and of.id == "op":
                yield node.func.attr, node
