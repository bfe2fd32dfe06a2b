"""Review a pull request against a registry: what changed between two commits, and what that breaks.

Only what differs is read, from Git objects. Each rule is a pure function over what was gathered;
its ids are listed in `builder.content_rules.rule_ids`.
"""
