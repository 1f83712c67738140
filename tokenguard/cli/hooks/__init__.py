"""`tokenguard hooks`: git hooks of a repository, or of all of them."""
