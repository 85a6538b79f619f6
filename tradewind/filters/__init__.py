"""Which events a Trigger wants."""
