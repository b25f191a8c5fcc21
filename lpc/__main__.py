"""`python -m lpc` is the command `lpc`."""

import sys

from lpc.cli import main

sys.exit(main())
