"""Takes rows out of everything that a project keeps."""
