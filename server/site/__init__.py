"""The catalogue as the server builds and sends it."""
