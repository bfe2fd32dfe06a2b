"""Shapes, scopes and replies that all routes share."""
