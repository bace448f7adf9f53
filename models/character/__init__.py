"""A drawn person: layers of vector shapes that follow the rig. `renderer.Character` draws, `look.look_of` says whom."""
