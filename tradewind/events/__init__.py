"""The CloudEvent and its codecs."""
