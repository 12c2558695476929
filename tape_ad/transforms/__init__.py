"""Functions of functions. A transform is a frozen record that holds a function, and is one."""

from tape_ad.transforms.checkpoint import Checkpoint, checkpoint
from tape_ad.transforms.custom import CustomJvp, CustomVjp, custom_jvp, custom_vjp
from tape_ad.transforms.gradient import (
    ElementwiseGradient,
    Gradient,
    ValueAndGradient,
    elementwise_grad,
    grad,
    value_and_grad,
)
from tape_ad.transforms.jacobian import Jacobian, ggnvp, hessian, hvp, jacfwd, jacobian, jacrev, vhp
from tape_ad.transforms.modes import Linearized, LinearTranspose, Pullback, jvp, linear_transpose, linearize, vjp
from tape_ad.transforms.stop import stop_gradient

__all__ = [
    "Checkpoint",
    "CustomJvp",
    "CustomVjp",
    "ElementwiseGradient",
    "Gradient",
    "Jacobian",
    "LinearTranspose",
    "Linearized",
    "Pullback",
    "ValueAndGradient",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "elementwise_grad",
    "ggnvp",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "stop_gradient",
    "value_and_grad",
    "vhp",
    "vjp",
]  # fmt: skip
