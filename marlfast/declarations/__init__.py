"""What kernels take: each argument declared once, for the compiled kernel and for its twin."""
