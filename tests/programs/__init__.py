"""Programs as people write them in NumPy today, one a module, which know nothing of tape_ad.

Each module has ``value(*parameters, *data)``, one number, and ``arguments(rng)``, which returns ``(parameters, data)``: what is
differentiated and what stays. A new module needs no entry anywhere: tests/test_programs.py finds it, and so does the
table that ``python -m tests.programs`` prints.
"""

import os

# One thread, set before NumPy loads its BLAS: the table compares times, and small matrices gain nothing from more.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
