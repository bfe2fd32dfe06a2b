"""The ids of the rules of a review and what each demands; stable, because people filter by them."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    # What was released stays as it is.
    "release-edited": "A released version never changes.",
    "release-deleted": "A released version stays where it is.",
    "release-tag-missing": "Every entry of a ledger has its tag.",
    "release-tag-moved": "A release tag states the digest and the tree that were released.",
    "release-tag-detached": "A release tag is on an ancestor of the head.",
    "release-tag-unledgered": "Every release tag has an entry in the ledger.",
    "ledger-added": "Only 'opsteps release' writes a ledger.",
    "ledger-changed": "An entry of a ledger never changes.",
    "ledger-removed": "An entry of a ledger is never removed.",
    "removal-by-hand": "Only 'opsteps uninstall' says that a version is removed.",
    "library-removed": "A library that was released keeps its directory and its library.yaml.",
    # Versions.
    "version-reused": "The number of a released version is never used again.",
    "version-order": "A new version follows the last one, or the last one of its line.",
    "version-skipped": "Versions follow each other without a gap.",
    "version-below-demanded": "The interface difference decides the least version.",
    "version-not-compared": "A release can be compared with the one before it.",
    # Who may change what.
    "owner-needed": "A library is changed by its owners, or by an operator.",
    "owner-not-checked": "Who asks for a change is known.",
    "owner-self-added": "Nobody makes themselves an owner of someone else's library.",
    "owner-impersonated": "Only those who act for a publisher make it an owner.",
    "owner-foreign": "The person who begins a library is among its owners.",
    "owner-prefix": "A name under a publisher's prefix is that publisher's.",
    "owners-changed": "A change of owners is looked at.",
    "owners-empty": "A library has an owner.",
    "name-id-taken": "No two libraries have the same id on the wire.",
    "yank-unknown": "Only a release can be yanked.",
    "yank-rewritten": "What a yank says stays as it was written.",
    "unyanked": "Only an operator takes a yank back.",
    "replacement-unknown": "A replacement is there and not yanked itself.",
    "state-changed": "'opsteps' changes the state of a library.",
    # What is the operators'.
    "operator-needed": "What governs the registry is changed by its operators.",
    "policy-unreadable": "The base's registry.yaml can be read.",
    "policy-changed": "A change of the policy is looked at.",
    "publishers-changed": "A change of publishers and their keys is looked at.",
    "registry-removed": "A registry has a registry.yaml.",
    "registry-signature-stale": "registry.yaml.sig signs the registry.yaml that is there.",
    "revocation-withdrawn": "A revoked key stays revoked.",
    # Dependencies.
    "dependency-unknown": "A dependency is a library of this registry.",
    "dependency-unmatched": "A dependency has a release in its range that is not yanked.",
    "dependency-self": "A library does not depend on itself.",
    "dependency-cycle": "Libraries do not depend on each other in a circle.",
    "dependency-conflict": "All that a library needs can be installed together.",
    "dependent-broken": "A change leaves a release to every library that depends on it.",
    "dependent-open": "A range ends before the next version that may break it.",
    # Permissions and licences.
    "permission-escalation": "A release asks for no more than the one before it.",
    "license-refused": "The licence is one that the registry's policy lists.",
    "license-changed": "A change of the licence is looked at.",
    # What the policy can demand.
    "license-missing": "A library has a licence, where the policy demands it.",
    "description-missing": "A library and its steps are described, where the policy demands it.",
    "author-missing": "A library names its author, where the policy demands it.",
    "readme-missing": "A library has a README, where the policy demands it.",
    "changelog-missing": "The changelog has a heading for the version.",
    "tests-missing": "Executors have tests, where the policy demands it.",
    "permissions-missing": "A step says what it may do, where the policy demands it.",
    "examples-missing": "A step has an example, where the policy demands it.",
    # Content.
    "limit-file-size": "A file is not larger than the limit.",
    "limit-release-size": "A release is not larger than the limits.",
    "file-executable": "No file of a release has an executable bit.",
    "file-binary": "A release holds no machine code and no byte code.",
    "file-archive": "A release holds no archive.",
    "file-git-name": "No name is one of Git's own.",
    "path": "Regular files with portable paths only.",
    "link-broken": "A relative link names a file of the release.",
    "link-outside": "A relative link stays inside the release.",
    "anchor-broken": "A link to a heading names one that is there.",
    "picture-hidden": "A picture in assets/ is one that the catalogue shows.",
    "layout": "Files are where the layout of a registry has them.",
    "stray-file": "Files are where the layout of a registry has them.",
}
