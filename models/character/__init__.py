"""A drawn person: layers of vector shapes that follow the rig."""

from models.character.look import NAMES, Look, look_of, seeded
from models.character.renderer import Character, Rgba

__all__ = ["NAMES", "Character", "Look", "Rgba", "look_of", "seeded"]
