"""How fast are logs read and judged, beside every tool that does the same? Run `python -m tests.bench.speed`."""
