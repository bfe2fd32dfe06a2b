from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.catalogue.data.badges import BAD, GOOD, badge, quality_colour

SVG = "{http://www.w3.org/2000/svg}"


@given(label=st.text(max_size=80), value=st.text(max_size=80))
def test_any_text_gives_a_picture_of_texts_and_shapes_only(label: str, value: str) -> None:
    root = ET.fromstring(badge(label, value, GOOD))  # noqa: S314 - our own
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "rect", "path", "g", "text"}
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name]
    title = root.find(f"{SVG}title")
    assert title is not None
    assert root.attrib["aria-label"] == title.text
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert all(len(text) <= 48 for text in texts)


def test_markup_in_a_badge_stays_text() -> None:
    raw = badge("steps", '"><script>alert(1)</script>', BAD).decode()
    assert "<script>" not in raw
    assert "&lt;script&gt;" in raw


def test_a_badge_is_as_wide_as_its_texts_need() -> None:
    def width(value: str) -> float:
        root = ET.fromstring(badge("quality", value, GOOD))  # noqa: S314 - our own
        return float(root.attrib["width"])

    assert width("100/100") > width("1/100")
    assert width("中文中文") > width("abcd")
    assert width("x" * 500) == width("x" * 47 + "…")


@pytest.mark.parametrize(("points", "is_good"), [(100, True), (80, True), (79, False), (0, False)])
def test_the_colour_follows_the_points(points: int, is_good: bool) -> None:
    assert (quality_colour(points) == GOOD) == is_good
