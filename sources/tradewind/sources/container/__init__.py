"""ContainerSource: commands that POST events to K_SINK by themselves."""
