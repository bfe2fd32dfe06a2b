"""The description by which a browser offers to search the catalogue (OpenSearch 1.1)."""

from __future__ import annotations

from builder.catalogue.data.xml_text import xml_text
from registry.formats.model import RegistryFacts

# The format's own limits.
_NAME_CHARACTERS, _TEXT_CHARACTERS = 16, 1_024


def opensearch(facts: RegistryFacts, base_url: str) -> bytes:
    """``opensearch.xml``; the page for search takes the words from its address."""
    base = xml_text(base_url)
    text = facts.description or f"Search the steps of {facts.title}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">\n'
        f"<ShortName>{xml_text(facts.title[:_NAME_CHARACTERS].strip())}</ShortName>\n"
        f"<Description>{xml_text(text[:_TEXT_CHARACTERS])}</Description>\n"
        "<InputEncoding>UTF-8</InputEncoding>\n"
        f'<Url type="text/html" template="{base}/search/?q={{searchTerms}}"/>\n'
        f'<Url type="application/opensearchdescription+xml" rel="self"'
        f' template="{base}/opensearch.xml"/>\n'
        "</OpenSearchDescription>\n"
    ).encode()
