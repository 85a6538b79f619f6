"""These tests bring docker-compose.yml up for real, which takes an engine and minutes: `make test-compose` asks for it.

TRADEWIND_COMPOSE=1   collect them
COMPOSE               the command to use instead of `docker compose`
"""

import os

if not os.environ.get("TRADEWIND_COMPOSE"):
    collect_ignore_glob = ["test_*.py"]
