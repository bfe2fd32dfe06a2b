"""A way back: tags and ledger are put right where digest and tree agree, and nowhere else.

What differs from what was released is never made to look right here: that is refused, and said.
"""
