"""Senders with a preset: what each of their requests is as an event.

The attributes are those of the CloudEvents adapter document where there is one (GitHub, GitLab, SNS); else the type is
`<reverse DNS of the vendor>.<thing>.<verb>`, the source the URI of the thing.  What a document leaves open, or what a
payload does not hold, is left out, or is the value that always has to be there: the source's own URI, the time of
receipt, an id that is derived from what identifies the thing, else a random one.
"""
