"""Writes openapi.json from the application: `PYTHONPATH=src python -m tests.openapi`."""

import json
from pathlib import Path

from ${{ values.package }}.app import create_app

if __name__ == "__main__":
    path = Path(__file__).parent.parent / "openapi.json"
    path.write_text(json.dumps(create_app().openapi(), indent=2) + "\n")
