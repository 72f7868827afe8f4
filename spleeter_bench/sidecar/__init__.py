"""The original Spleeter in an environment and a process of its own."""
