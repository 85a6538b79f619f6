"""Edges behind the doors of `tradewind.ports`."""
