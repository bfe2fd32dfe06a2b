"""Rows: what happened, as opposed to what should be. SQLite by default, PostgreSQL by URL.

SQL is written here and nowhere else. Nothing in it runs on the event loop's thread.
"""
