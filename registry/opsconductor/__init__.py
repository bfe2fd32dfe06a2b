"""Libraries as OpsConductor's own service takes them, turned into ours.

Such a library is one ``manifest.json`` of ``metadata`` and inline ``steps``, beside a ``steps.py``
with a class whose methods are named as the steps. Its code is parsed and never run.
"""

from __future__ import annotations

from registry.opsconductor.conversion import Converted, convert_library, is_opsconductor

__all__ = ["Converted", "convert_library", "is_opsconductor"]
