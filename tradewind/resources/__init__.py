"""Resources: model, manifests, names, defaults."""
