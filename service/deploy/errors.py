"""What can go wrong with a cluster."""


class ClusterError(Exception):
    """A cluster cannot be started, joined or served from; its text is one line, fit for users."""
