"""What an answer means, when to try again, and one event's way to its subscriber."""
