"""What people configure: where files are, what they may say, and what they mean."""
