"""The networks: Keras only, any backend."""
