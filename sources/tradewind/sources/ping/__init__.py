"""PingSource: an event on a cron schedule."""
