"""One script a revision, oldest first."""
