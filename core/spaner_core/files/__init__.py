"""Opens, writes and replaces files, each whole or not at all."""
