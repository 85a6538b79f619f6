"""The admission webhook of Kubernetes.

app ■ TLS, bodies ──► answering ■ what is known ──► admission ◇ ──► reviews ◇ the answer
                                                      defaulting ◇ · immutable ◇
keeper ■ Secret, caBundle, TLS context ──► rotation ◇ what is due · certificates   X.509
configurations ◇ the two webhook configurations, for whoever installs them
"""
