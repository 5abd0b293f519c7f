"""Lists plugins, checks them and writes new ones."""
