"""One operation a file: reference, Triton kernel, dispatch."""
