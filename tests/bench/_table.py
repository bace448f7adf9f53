"""How benchmarks show what they found: a table for people, or the same rows as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["show"]


def show(rows: Sequence[Mapping[str, str | float]], *, title: str, as_json: bool) -> None:
    """Rows with the same keys; floats to three significant digits."""
    if as_json:
        print(json.dumps(rows))
        return
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(value if isinstance(value, str) else f"{value:.3g}" for value in row.values()))
    Console(width=120).print(table)
