"""Helps encoder plugins with other people's models.

`locations` tells folders from Hub names and explains what could not be fetched,
`transformers_models` loads them, `adapters` puts a peft adapter on, `freeze` freezes and proves it,
`fingerprint` identifies.
"""
