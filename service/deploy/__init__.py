"""Where the service runs beyond one process of one machine: Ray's side of it, and files for other ways to deploy it."""
