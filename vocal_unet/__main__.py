"""`python -m vocal_unet` is `vocal-unet`."""

from vocal_unet.cli import main

main()
