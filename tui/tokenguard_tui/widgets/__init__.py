"""What screens are made of: one widget a file, with its style in it."""
