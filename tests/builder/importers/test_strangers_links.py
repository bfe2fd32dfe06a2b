from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.content_rules.links import dead_targets
from builder.importers.strangers_links import with_live_links

README = "docs/README.md"


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("[a](https://x.example/y) and `[b](c)`", "[a](https://x.example/y) and `[b](c)`"),
        ("[t](devcenter.x.example/testing/)", "[t](https://devcenter.x.example/testing/)"),
        ("![p](images/p.png)", r"![p]\(images/p.png)"),
        ("[up](../../etc/passwd)", r"[up]\(../../etc/passwd)"),
        ("[how][1]\n\n[1]: HOWTO.md", "[how][1]\n\n[1]\\: HOWTO.md"),
        ("[an](<a file.md>)", r"[an]\(<a file.md>)"),
        ("[self](#part)", "[self](#part)"),
    ],
)
def test_links_lead_somewhere_or_are_text(written: str, mended: str) -> None:
    assert with_live_links(written) == mended


@given(st.text(alphabet="[]()!<>:/.#\\ `\n1aß", max_size=60))
def test_no_link_of_a_description_is_dead(text: str) -> None:
    assert dead_targets(README, with_live_links(text), [README]) == ()
