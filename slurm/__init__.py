"""Batch templates and site files: data, not code."""
