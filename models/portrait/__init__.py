"""A real picture brought to life, with the leave of who is in it: `renderer.Portrait` draws, `points.load` reads."""
