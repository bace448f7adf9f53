"""The voice: text to reading, to features; `models/vocoder.py` makes them sound."""
