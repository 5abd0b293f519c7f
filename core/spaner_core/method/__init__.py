"""Makes the shared prompt, the aligners and the loss."""
