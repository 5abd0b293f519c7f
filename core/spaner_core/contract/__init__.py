"""Says what a plugin and the product agree on, and checks it."""
