"""A request and its answer, whatever the route."""
