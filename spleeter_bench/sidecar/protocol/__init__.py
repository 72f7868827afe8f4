"""How the benchmark talks to a worker process, shared by both ends.

Standard library and NumPy only, Python 3.8 syntax: these files also run inside the original Spleeter's environment.
"""
