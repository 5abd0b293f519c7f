"""Finds plugins, reads plugins.yaml and assembles a space from both.

Nothing is imported here, so that listing what is installed stays light.
"""
