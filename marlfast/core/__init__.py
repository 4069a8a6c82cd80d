"""Compiled kernels. Each module ``_name`` has a NumPy twin ``marlfast.reference.name``."""
