"""Time tape_ad against hand-written NumPy, HIPS autograd and PyTorch: ``python -m tests.benchmarks``."""

import os

# One thread each, set before NumPy loads its BLAS: contestants differ in what they leave to threads, machines in cores.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
