"""`python -m spleeter_bench` is `spleeter-bench`."""

from spleeter_bench.cli import main

main()
