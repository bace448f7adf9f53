"""A public English recogniser as a streaming model: Emformer transducer, weights downloaded on first use."""
