"""Auditing: which releases known vulnerabilities hit, and what is safe instead."""
