# A `cdef inline` function of a module that includes this is always put into its caller, however large it is and however
# often it is called: what passes between the parts of a step then stays in registers.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #undef CYTHON_INLINE
    #define CYTHON_INLINE __inline__ __attribute__((always_inline))
    #endif
    """
