"""Search libraries and steps: the only package that imports Whoosh."""
