"""Arrays of a learner within another, whose table has several rows for each of the other's rows."""
from numpy.lib.stride_tricks import as_strided


def apart(arrays, by_row, parts):
    """Arrays of a table that has ``parts`` rows for each row, [R, rows * parts, ...], as [R, rows, parts, ...]."""
    return {name: _apart(array, parts) if name in by_row else array for name, array in arrays.items()}


def together(arrays, by_row):
    """The same memory as the inner learner has it: [R, rows, parts, ...] as [R, rows * parts, ...]."""
    return {name: _together(array) if name in by_row else array for name, array in arrays.items()}


# Strides are said, in place of having NumPy find them: it gives axes of length 1 any, and kernels look at them.

def _apart(array, parts):
    (runs, rows, *rest), (run, row, *steps) = array.shape, array.strides
    return as_strided(array, (runs, rows // parts, parts, *rest), (run, parts * row, row, *steps))


def _together(array):
    (runs, rows, parts, *rest), (run, row, part, *steps) = array.shape, array.strides
    if rows > 1 and row != parts * part:
        array = array.copy(order="C")       # such as a part of the rows of one that was read from a file
        run, row, part, *steps = array.strides
    return as_strided(array, (runs, rows * parts, *rest), (run, part, *steps))
