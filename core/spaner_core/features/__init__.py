"""Features: what frozen encoders give, and how they are extracted."""
