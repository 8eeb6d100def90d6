"""Many sentences, from file to file: `attention-service bulk`."""
