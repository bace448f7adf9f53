"""Streaming networks: state in, state out."""
