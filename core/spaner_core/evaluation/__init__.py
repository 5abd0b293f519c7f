"""How good a space is: retrieval across modalities and the coherence of the embedding."""
