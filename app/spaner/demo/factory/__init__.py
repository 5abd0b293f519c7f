"""Makes the factory project: forty synthetic products in four modalities."""
