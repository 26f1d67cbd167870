"""LightGBM models by LightGBM's C library alone: the Python package takes more than a second to import.

``lightgbm`` itself is imported where models are trained, and nowhere else.
"""
