"""The live part: frames, channels, clock, engine, stages, sessions and transports."""
