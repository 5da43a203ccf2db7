"""The laboratory: trains real models, plants faults in them, and records the logs that curvedoc reads."""


def command() -> None:
    """The console script: says which package is missing where curvedoc was installed without its train extra."""
    import sys

    try:
        from .__main__ import main
    except ModuleNotFoundError as error:
        sys.exit(f"train-harness: {error.name} is not installed: pip install 'curvedoc[train]'")
    sys.exit(main(sys.argv[1:]))
