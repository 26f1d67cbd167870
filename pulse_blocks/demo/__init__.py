"""Data to start with: real flights and generated transactions."""
