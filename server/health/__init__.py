"""What a server says of its own health: reasons, remedies and gauges."""
