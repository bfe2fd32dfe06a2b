"""file.checksum: calculate and compare a checksum."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from _files import chunks_of
from _params import choice, optional_text
from _paths import path_of
from _step import Done, Run, StepError, perform

ALGORITHMS = ("sha256", "sha512", "blake2b")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Calculate the checksum of the file at ``path``; fail unless it is ``expected``."""
    return perform(_checksum, parameters, context, "The file was not verified.")


def _checksum(parameters: Mapping[str, Any], run: Run) -> Done:
    path = path_of(parameters, "path", run)
    algorithm = choice(parameters, "algorithm", ALGORITHMS, "sha256")
    expected = _expected(parameters, algorithm)
    digest, size = hashlib.new(algorithm), 0
    for block in chunks_of(path, run):
        digest.update(block)
        size += len(block)
    output: dict[str, Any] = {
        "path": str(path),
        "algorithm": algorithm,
        "checksum": digest.hexdigest(),
        "size_bytes": size,
    }
    if expected is None:
        return Done(f"{algorithm} of {path} is {output['checksum']}.", output)
    output["matches"] = hmac.compare_digest(expected, digest.hexdigest())
    if not output["matches"]:
        raise StepError(f"{algorithm} of {path} is {output['checksum']}, not {expected}", output)
    return Done(f"{path} is what was expected.", output)


def _expected(parameters: Mapping[str, Any], algorithm: str) -> str | None:
    value = optional_text(parameters, "expected")
    if value is None:
        return None
    length = hashlib.new(algorithm).digest_size * 2
    if len(value) != length or not set(value.lower()) <= set("0123456789abcdef"):
        raise StepError(f"expected must be {length} hexadecimal digits for {algorithm}")
    return value.lower()
