from __future__ import annotations

import re

from benchmarks.costs import BEGIN, DOCS, END, PAGE, Cost, changes, markdown, reads
from server.api.application import openapi_document


def _routes() -> set[str]:
    """As the OpenAPI document has them."""
    return {
        f"{method.upper()} {path}"
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }


def test_every_route_is_measured() -> None:
    assert {request.route for request in [*reads(), *changes()]} == {*_routes(), PAGE}


def test_every_route_has_a_row_in_the_docs() -> None:
    table = DOCS.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(
        r"^\| `(.*?)` \| [\d, ]+ \| [\d,]+ \| [\d,]+ \| [\d,]+ \| [\d.]+ \|$",
        table,
        re.MULTILINE,
    )
    assert set(rows) == {*_routes(), PAGE}, "run 'make costs'"


def test_each_figure_is_the_greatest_of_a_route() -> None:
    cost = Cost()
    cost.add(200, sent=0, answer=3_000, memory_mb=1.0, seconds=2.0)
    cost.add(503, sent=9, answer=20, memory_mb=5.0, seconds=0.1)
    cost.add(200, sent=0, answer=1, memory_mb=0.0, seconds=0.0)
    row = markdown({"GET /": cost}).splitlines()[-1]
    assert row == "| `GET /` | 200, 503 | 9 | 3,000 | 5 | 2.00 |"
