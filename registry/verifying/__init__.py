"""Verify: prove offline that nothing that was released was ever altered.

What Git holds is gathered first (`history`, `tag_evidence`, `head_statement`); the decisions over
it are pure and name the attack they find, in the manner of The Update Framework.
"""
