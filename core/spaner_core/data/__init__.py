"""What a user brings: the manifest and its splits."""
