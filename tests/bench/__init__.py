"""Measurements, run by name: `limelight bench NAME`."""
