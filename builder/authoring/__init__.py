"""The first files of an author's library, and the words about a library."""
