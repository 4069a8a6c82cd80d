"""The NumPy reference: twins of the compiled kernels that never call compiled code.

Each module ``name`` has the functions and classes of ``marlfast.core._name``, with the
same signatures and the same numbers, bit for bit, vectorised over runs.
"""
