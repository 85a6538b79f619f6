"""A Kubernetes API server: the only package that imports `kubernetes`, of which it uses the transport.

connection.connect ──► server.KubeApiServer     the door, one identity
  connection   which API server, as whom: the Pod's service account, else a kubeconfig
  link         one request, or one watch: a deadline, and an answer or an ApiFailed
  answers ◇    what an answer means
  paths ◇      what the API server calls a resource, an object
  discovery    which resource a kind is
  reflector    the objects of one resource, by list and watch:
    reflected ◇  what a list or a watch's event means for them
    pace ◇       when to try again, and what is worth a line in the log
"""

from tradewind.adapters.kube.connection import connect, namespace_of

__all__ = ["connect", "namespace_of"]
