"""The read model: everything that lookups are answered with, in one LMDB file.

Invariant: one process writes it (the keeper), and each of its transactions belongs to one commit,
so whoever reads in one transaction sees one commit. It is derived: it is never synced to the disk,
and is made again whenever it is missing, or cannot be trusted.
"""
