"""Matrix and labels to a picture. Knows neither HTTP nor models."""
