"""These tests bring docker-compose.yml up for real, which takes an engine and minutes; `make test-compose` does it.

They are collected only where COMPOSE names the command to use: `docker compose`, or whatever speaks like it.
"""

import os

if not os.environ.get("COMPOSE"):
    collect_ignore_glob = ["test_*.py"]
