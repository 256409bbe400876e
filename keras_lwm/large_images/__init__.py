"""Predicting images that are too large for the memory allowed."""
