"""A film of an anchor who speaks, being written: sound in, and with it pictures, as soon as what they show is known.

What speaks may be a recording whose mouth is known beforehand, or a voice whose phones come with its sound. Blocking.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from models.drive import MouthTrack
from models.feelings import Marker
from models.prosody import beats_of_phones
from models.rig import Pose
from models.tts.types import Phone
from streamer.frame import PICTURE_HZ, SOUND_HZ, FormatError, Sound
from streamer.stages.anchor import AnchorPicture, AnchorWanted
from streamer.stages.voice import Piece, moved
from streamer.transports.file import FileJob
from streamer.transports.file.anchored import AnchoredOut
from streamer.transports.file.door import explained, land_of
from streamer.transports.file.plan import container_of

__all__ = ["AHEAD_S", "Film", "SpokenFilm"]

AHEAD_S = 1.0  # a nod begins before its beat, a mouth before its sound
EARLY_S = 0.15  # a feeling shows a little before the word that it marks


class Film:
    """`job.target`, being written; a context that leaves nothing behind unless `finish` was called.

    Raises:
        FormatError: it cannot be written or drawn as wanted, and why.
    """

    def __init__(self, job: FileJob, wanted: AnchorWanted, *, codec: str | None = None) -> None:
        self.actor, self._fps, self._pictures, self._samples = wanted.actor(), wanted.fps, 0, 0
        try:
            self._drawn = AnchorPicture(wanted)
        except ValueError as error:
            raise FormatError(str(error)) from error
        self._name, self._landing = job.target, land_of(job)
        size = wanted.width, wanted.height
        try:
            with explained(self._name):
                container, file = container_of(job), self._landing.file
                self._out = AnchoredOut(
                    file,
                    container,
                    size=size,
                    fps=self._fps,
                    clear=wanted.clear,
                    codec=codec,
                    consent=self._drawn.consent,
                )
        except FormatError:
            self._landing.discard()
            raise

    @property
    def seconds(self) -> float:
        """Of sound so far."""
        return self._samples / SOUND_HZ

    def sound(self, samples: Sound) -> None:
        """`[1, T]` at 48 kHz, after what came before."""
        self._samples += samples.shape[1]
        with explained(self._name):
            self._out.sound(samples)

    def pictures(self, mouth: Callable[[float], Pose], *, until_s: float) -> None:
        """Those that are due before `until_s`, with the mouth of their time."""
        with explained(self._name):
            while (at_s := self._pictures / self._fps) < until_s:
                pose = self.actor.pose(at_s, mouth(at_s))
                self._out.picture(*self._drawn.frame_and_alpha(pose, round(at_s * PICTURE_HZ)))
                self._pictures += 1

    def finish(self) -> None:
        """The end; now the file has its name."""
        with explained(self._name):
            self._out.close()
            self._landing.commit()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._landing.discard()


class SpokenFilm:
    """A film whose anchor says the pieces of a voice, feeling what the text's markers say."""

    def __init__(self, film: Film, markers: Sequence[Marker] = ()) -> None:
        self._film, self._markers = film, deque(markers)
        self._mouth, self._phrase = MouthTrack(), list[Phone]()

    def push(self, piece: Piece) -> None:
        """The next piece."""
        begun_s, film = self._film.seconds, self._film
        for word in piece.words:
            while self._markers and self._markers[0].at <= word.begin:
                film.actor.feelings.feel(self._markers.popleft().emotion, at_s=begun_s + word.start_s - EARLY_S)
        for phone in piece.phones:
            self._say(moved(phone, begun_s))
        film.sound(piece.samples)
        film.pictures(self._mouth.at, until_s=film.seconds - AHEAD_S)

    def finish(self) -> None:
        """Everything has been said."""
        self._film.pictures(self._mouth.at, until_s=self._film.seconds)
        self._film.finish()

    def _say(self, phone: Phone) -> None:
        """A stressed vowel is a beat as soon as it is known to be the strongest nearby: at the next one, or a pause."""
        self._mouth.extend([phone])
        self._phrase.append(phone)
        beats = beats_of_phones(self._phrase)
        if phone.name and len(beats) < 2:
            return
        for beat in beats[:1]:
            self._film.actor.life.beat(beat.at_s, beat.strength)
        self._phrase = [phone] if phone.name else []
