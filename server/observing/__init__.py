"""Metrics, health and log lines."""
