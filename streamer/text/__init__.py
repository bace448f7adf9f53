"""Timed words as text: transcripts, cues, and the formats of their files. Pure: knows no clock and no door."""
