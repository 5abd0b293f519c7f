"""Shows samples to people: small pictures, and pages that hold nothing else."""
