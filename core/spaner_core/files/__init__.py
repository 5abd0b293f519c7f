"""Opens, writes and replaces files safely: whole or not at all, ordinary ones alone."""
