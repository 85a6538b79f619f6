"""What the control side decides."""
