"""SQL of both warehouses, pure: texts from names and bounds."""
