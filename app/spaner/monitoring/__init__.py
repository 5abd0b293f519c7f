"""Watches whether new data is like the data that a space was calibrated on."""
