"""Tokens, models and the mathematics of attention. Nothing in here knows HTTP."""
