"""Advisories: known vulnerabilities, in the format of OSV, and what they hit."""
