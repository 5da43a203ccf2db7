"""`python -m curvedoc` is the `curvedoc` command."""

import sys

from .cli import main

sys.exit(main())
