"""Makes and changes spaces: train, attach, extend, extract."""
