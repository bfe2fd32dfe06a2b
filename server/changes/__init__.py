"""Changes: their queue, the process that makes them, and what refuses them."""
