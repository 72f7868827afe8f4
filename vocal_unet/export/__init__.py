"""Models in formats that run without this package, each proven against its source before it is called done."""
