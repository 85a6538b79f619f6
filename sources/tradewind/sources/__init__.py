"""The sources process: what happens elsewhere becomes CloudEvents."""
