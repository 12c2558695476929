"""Linear algebra: the Array API standard's extension ``linalg``, and what NumPy has beyond it.

>>> import numpy as np
>>> from tape_ad import grad, linalg
>>> grad(lambda a: linalg.slogdet(a).logabsdet)(np.diag([2.0, 4.0]))
array([[0.5 , 0.  ],
       [0.  , 0.25]])
"""

from tape_ad.ops.factorizations import (
    cholesky as cholesky,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    qr as qr,
)
from tape_ad.ops.linalg import (
    matmul as matmul,
    tensordot as tensordot,
)
from tape_ad.ops.products import (
    cross as cross,
    diagonal as diagonal,
    matrix_norm as matrix_norm,
    matrix_transpose as matrix_transpose,
    norm as norm,
    outer as outer,
    trace as trace,
    vecdot as vecdot,
    vector_norm as vector_norm,
)
from tape_ad.ops.singular_values import (
    svd as svd,
    svdvals as svdvals,
)
from tape_ad.ops.solving import (
    cond as cond,
    det as det,
    inv as inv,
    lstsq as lstsq,
    matrix_power as matrix_power,
    matrix_rank as matrix_rank,
    multi_dot as multi_dot,
    pinv as pinv,
    slogdet as slogdet,
    solve as solve,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
)

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]
