"""The file door: `limelight run IN OUT`.

`door` opens and cleans up, `plan` decides what becomes of each stream, `source` reads, `flow` walks the hops through
the stages, `target` writes. Read them in this order; the rest are their tools.
"""

from streamer.transports.file.door import run_file
from streamer.transports.file.plan import FileJob
from streamer.transports.file.report import Report

__all__ = ["FileJob", "Report", "run_file"]
