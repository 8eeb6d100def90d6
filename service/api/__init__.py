"""The HTTP face: requests in, encoded answers and problem documents out."""
