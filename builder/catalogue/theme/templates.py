"""The site's templates, each compiled once for each way to the site's root."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FunctionLoader, StrictUndefined, Template
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Getattr
from markupsafe import escape

from builder.catalogue.theme.quoting import quote

Prepare = Callable[[str, str], str]
"""From a template's text and the way to the root, the text to be compiled."""


_PART = re.compile(r"\{% include '([a-z_]+\.html)' %\}\n?")


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFacts:
    """The facts about the registry that every template knows, as ``site``.

    Each command and link that names the site's own address is made of ``url`` and ``json``:
    ``curl <span data-site>{{ site.url }}</span>/api/v1/steps/{{ id }}{{ site.json }}``.
    """

    name: str
    title: str
    description: str
    url: str
    """The address of the site, without a slash at its end; never what a request says."""
    repository: str | None
    """The address of its Git repository; None if unknown."""
    is_served: bool
    """True if a server answers there, which can also search, and take uploads."""
    has_upstreams: bool

    @property
    def json(self) -> str:
        """The ending of the address of an answer: a host of plain files has only the files."""
        return "" if self.is_served else ".json"


class _QuickCode(CodeGenerator):
    """Jinja's own code, with a quicker way to escape, and attributes asked for as Python does.

    Jinja looks for an attribute, then for an item; no template of ours means an item by a dot.
    """

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("escape = environment.globals['quote']")

    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("(")
        self.visit(node.node, frame)
        self.write(f").{node.attr}")


class _QuickEnvironment(Environment):
    code_generator_class = _QuickCode


class Templates:
    """The templates of one build. ``fixed`` is known to all of them."""

    def __init__(
        self, source: Path, *, fixed: Mapping[str, Any], prepare: Prepare, cache: Path | None
    ) -> None:
        """Compile nothing yet; ``cache`` is a directory, of nobody else, that keeps it compiled.

        ``prepare`` is given a template's text and the way to the root, and may fix more of it.
        """
        self._source = source
        self._prepare = prepare
        self._fixed = {**fixed, "quote": quote}
        self._found: dict[tuple[str, str], Template] = {}
        self._environment = _QuickEnvironment(
            loader=FunctionLoader(self._load),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            # Not the usual name: what ordinary Jinja compiled is other code.
            bytecode_cache=FileSystemBytecodeCache(str(cache), "quick-%s") if cache else None,
        )
        self._environment.globals.update(self._fixed)
        self._known = dict(self._environment.globals)

    def render(self, name: str, root: str, values: Mapping[str, Any]) -> str:
        """A template's text for a page from which ``root`` leads to the site's root."""
        template = self._found.get((root, name))
        if template is None:
            template = self._environment.get_template(f"{root}|{name}")
            self._found[(root, name)] = template
        # As Template.render, which looks each global up in two places, for each rendering.
        context = template.new_context({**self._known, **values, "root": root}, shared=True)
        return "".join(template.root_render_func(context))

    def _load(self, name: str) -> str:
        """A template's source with what is fixed for a root put in once, not on every page.

        So are the parts that templates share: Jinja's own way to include one copies all that is
        known, each time.
        """
        root, _, file = name.partition("|")
        text = _PART.sub(lambda part: self._text(part[1]), self._text(file))
        return self._prepare(text, root).replace("{{ root }}", str(escape(root)))

    def _text(self, file: str) -> str:
        return (self._source / file).read_text("utf-8")
