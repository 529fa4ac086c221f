"""The scripts here are run by themselves and import one another by name; so may pytest."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
