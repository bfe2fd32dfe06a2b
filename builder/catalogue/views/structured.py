"""The facts of a page in the words of schema.org, which search engines read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.markdown import safe_url
from registry.formats.model import RegistryFacts

_CONTEXT = "https://schema.org"


def site_data(facts: RegistryFacts, address: str) -> Mapping[str, Any]:
    """The catalogue, and how it is searched."""
    return {
        "@context": _CONTEXT,
        "@type": "WebSite",
        "name": facts.title,
        "description": facts.description,
        "url": f"{address}/",
        "potentialAction": {
            "@type": "SearchAction",
            "target": f"{address}/search/?q={{query}}",
            "query-input": "required name=query",
        },
    }


def library_data(shared: Mapping[str, Any], name: str, address: str) -> Mapping[str, Any]:
    """A library; ``shared`` is what all its pages show."""
    manifest = shared["manifest"]
    here = f"{address}/libraries/{name}/"
    data: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "SoftwareSourceCode",
        "name": shared["title"],
        "alternateName": name,
        "description": shared["summary"],
        "url": here,
        "version": shared["version"],
        "dateModified": shared["date"],
    }
    if manifest is not None:
        data |= {
            "license": manifest.license,
            "keywords": list(manifest.tags),
            "applicationCategory": [category for _, category in shared["categories"]],
            "author": {"@type": "Organization", "name": manifest.author} if manifest.author else "",
            "codeRepository": safe_url(manifest.repository, mail=False),
            "sameAs": safe_url(manifest.homepage, mail=False),
        }
    return data
