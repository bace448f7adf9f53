"""How the shipped weights were trained: one resumable command a model."""
