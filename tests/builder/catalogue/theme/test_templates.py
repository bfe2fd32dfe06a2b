from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError
from markupsafe import Markup, escape

from builder.catalogue.theme.quoting import quote
from builder.catalogue.theme.templates import Templates

HOSTILE = "\"><script>alert('1')</script>&"


@dataclass(frozen=True)
class Step:
    """Something with attributes."""

    name: str
    html: Markup
    tags: tuple[str, ...] = ()


def templates(directory: Path, text: str, cache: Path | None = None) -> Templates:
    (directory / "page.html").write_text(text, "utf-8")
    return Templates(
        directory, fixed={"site": "here"}, prepare=lambda source, _root: source, cache=cache
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        HOSTILE,
        HOSTILE * 100,
        Markup("<b>done</b>"),
        Markup(HOSTILE),  # noqa: S704 - equal to the text above, and not to be quoted
        3,
        1.5,
        None,
        Path("<a>"),
        True,
        1,
        "1",
        escape(HOSTILE),
    ],
)
def test_quoting_gives_what_markupsafe_gives(value: object) -> None:
    for _ in range(2):
        found = quote(value)
        assert type(found) is Markup
        assert found == escape(value)


def test_a_subclass_of_text_is_asked_for_its_own_html() -> None:
    class Shown(str):
        __slots__ = ()

        def __html__(self) -> str:
            return "<i>shown</i>"

    assert quote(Shown("x<")) == "<i>shown</i>"
    assert quote("x<") == "x&lt;"


def test_what_our_code_renders_is_what_jinja_renders(tmp_path: Path) -> None:
    text = (
        "{% macro row(step) %}<li>{{ step.name }}{{ step.html }}</li>{% endmacro %}"
        "{{ site }} {{ root }} {{ step.name }} {{ step.html }} {{ row(step) }}"
        "{% for tag in step.tags %}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}"
        "{{ step.name[:3] }} {{ 'y' if step.tags else '' }} {{ step.tags|length }}"
        "{{ pair[0] }} {{ (step.name ~ '<') }} {{ 5 }} {{ '<&' }} {{ step.name|upper }}"
    )
    step = Step(name=HOSTILE, html=Markup("<b>1</b>"), tags=("<a>", "b"))
    values = {"step": step, "pair": (HOSTILE, 1)}
    ours = templates(tmp_path, text).render("page.html", "../", values)
    plain = Environment(autoescape=True).from_string(text)
    assert ours == plain.render(values, site="here", root="../")
    assert "<script>" not in ours


@pytest.mark.parametrize("cached", [False, True])
def test_what_a_template_is_not_given_is_an_error(tmp_path: Path, *, cached: bool) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for _ in range(2):
        made = templates(tmp_path, "{{ site }}{{ missing }}", cache if cached else None)
        with pytest.raises(UndefinedError, match="missing"):
            made.render("page.html", "./", {})
    asked = templates(tmp_path, "{{ step.colour }}")
    with pytest.raises(AttributeError, match="colour"):
        asked.render("page.html", "./", {"step": Step(name="", html=Markup())})
