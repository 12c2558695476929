"""Functional, immutable automatic differentiation for NumPy, with an explicit tape."""
from tape_ad._core import Tensor as Tensor
from tape_ad._tape import Gradients as Gradients, Tape as Tape
from tape_ad import ops
from tape_ad.ops.elementwise import *
