"""Advise on a check that failed: the command, once it is known who did what and why.

Each finding says what to look at; this says how a registry gets out of it. A check without a line
here fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.trust.report import CheckName, CheckState, VerificationReport

_ACCEPT = (
    "bring back what was released, from another clone or with 'git restore --source=COMMIT', and"
    " commit it; once it is explained, 'opsteps trust HEAD --accept' acknowledges the rest"
)
_ACKNOWLEDGE = (
    "history keeps it: once it is explained and what it did is taken back,"
    " 'opsteps trust HEAD --accept' acknowledges it"
)
_STATEMENT = (
    "fetch registry and statement together, with 'git fetch REMOTE'; if that is the newest,"
    " 'opsteps sign-head --key KEY' signs it again"
)
MENDS: Mapping[CheckName, str] = {
    CheckName.DESCENT: "if the move was meant, 'opsteps trust HEAD' says so; else go back to the"
    " trusted commit with 'git reset --keep COMMIT'",
    CheckName.TREES: _ACCEPT,
    CheckName.RELEASES: _ACCEPT,
    CheckName.TAGS: "'opsteps repair' sets right what can be, and names the command for the rest",
    CheckName.LEDGERS: f"'opsteps repair' writes an entry again that was lost; {_ACKNOWLEDGE}",
    CheckName.EDITS: _ACCEPT,
    CheckName.YANKS: "'opsteps yank NAME VERSION --reason TEXT' withdraws it again;"
    f" {_ACKNOWLEDGE}",
    CheckName.ATTESTED: "if it was meant, 'opsteps attest COMMIT --key KEY' says so to every clone;"
    f" if not, {_ACKNOWLEDGE}",
    CheckName.PUBLISHERS: "let an administrator sign registry.yaml, with"
    " 'ssh-keygen -Y sign -n opsteps-registry -f KEY registry.yaml'",
    CheckName.SIGNATURES: f"let the publisher look at the release; {_ACKNOWLEDGE}",
    CheckName.STATEMENT: _STATEMENT,
    CheckName.FRESHNESS: _STATEMENT,
    CheckName.DIGESTS: _ACCEPT,
}
"""By check, in words that a sentence can end with."""


def mending(report: VerificationReport) -> dict[CheckName, str]:
    """Return the advice on each check that failed."""
    failed = (check.name for check in report.checks if check.state is CheckState.FAILED)
    return {name: MENDS[name] for name in failed}


def mending_lines(report: VerificationReport) -> Iterator[str]:
    """The same, a line each."""
    for name, advice in mending(report).items():
        yield f"to mend {name}: {advice}"
