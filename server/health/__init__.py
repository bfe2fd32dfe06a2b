"""The server's own health: reasons, remedies and gauges."""
