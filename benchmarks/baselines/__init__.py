"""What SPANER is compared with: one module a baseline, all of one signature.

A method is a function from a `Task` and its settings to an `Outcome`: training rows of which few
are labelled, embedded label texts, a seed and the rows to embed go in, embeddings come out.
"""
