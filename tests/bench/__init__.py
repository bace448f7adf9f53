"""Measurements, run by name: `limelight bench NAME`.

Where there is no GPU, Triton's kernels are interpreted: to be said before Triton is first imported.
"""

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
