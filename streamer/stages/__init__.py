"""One file a stage; each is a thin shell around a model's lease."""
