"""What every encoder plugin needs: fingerprints, freezing and its proof."""
