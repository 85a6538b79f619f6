"""WebhookSource: an event for each HTTP request; GitHubSource and GitLabSource are presets of it.

port.py ■ one for the process: app.py reads requests, connection.py bounds connections
  └► convert.py ◇  request → events, or a refusal  (verify.py, senders/, attributes.py)
       └► desk.py ◇ what waits ──run.py ■──► the sources' runner ──stored──► the sender is answered
"""
