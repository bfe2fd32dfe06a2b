"""The migrations, in order; each is run once in a database."""
