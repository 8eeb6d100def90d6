"""A REST service that shows how a transformer's attention is computed."""

__version__ = "0.1.0"
