"""Every deliberate exception: what happened, to what, where, and one way out.

Each class derives from the built-in exception that a caller would catch, and from `TapeError`.
"""


class TapeError(Exception):
    """Base class of every exception that this library raises on purpose.

    Remedy: that of the class that was raised.
    """


class UnsupportedDataError(TapeError, TypeError):
    """A tensor was asked to hold something that is not numeric, such as strings or objects.

    Remedy: pass numbers, or an array of a numeric dtype; build an array of tensors with ``stack``.
    """


class IntegerGradientError(TapeError, TypeError):
    """A gradient was asked with respect to integers or booleans, which have no derivative.

    Remedy: convert first, ``x.astype(float)``.
    """


class ArgumentError(TapeError, TypeError):
    """A call does not fit the signature of what it calls, or an argument is of a kind that cannot be used.

    Remedy: the call that the message names.
    """


class InvalidIndexError(ArgumentError, IndexError):
    """An index is made of something other than integers, slices, booleans, ``None`` and ``...``.

    Remedy: an index of these; inside `vmap`, where a mask differs from example to example, ``np.where``.
    """


class NoRuleError(TapeError, TypeError):
    """A NumPy function was called on a tensor, and nobody has stated its derivative yet.

    The call is refused, because computing on would lose the gradient. Remedy: the function that the message names, an op of your
    own, or ``t.data`` where no gradient is wanted.
    """


class MutationError(TapeError, TypeError):
    """Something tried to change a tensor in place, or to write a tensor into an array.

    Values do not change here. Remedy: the functional spelling that the message names.
    """


class ConversionError(TapeError, TypeError):
    """A tracked tensor was to become a plain number or array, which would lose its gradient silently.

    Remedy: ``t.data`` or ``stop_gradient(t)`` where losing it is meant.
    """


class NotScalarError(TapeError, ValueError):
    """A gradient was asked of something that is not one scalar, without saying which combination is meant.

    Remedy: a seed, a sum or an average.
    """


class SeedError(TapeError, ValueError):
    """A seed or a tangent does not fit the tensor that it belongs to (number, shape or dtype).

    Remedy: one seed per output, of its shape, real where it is real.
    """


class BufferChangedError(TapeError, RuntimeError):
    """An array that was used in a computation was changed in place before the backward pass read it.

    Remedy: a new array in place of the change, or a copy before it.
    """


class BatchedValueError(TapeError, ValueError):
    """One value was asked of what has a value for each example of a `vmap`, such as by ``if`` or ``float``.

    Remedy: ``np.where``, which chooses for each example.
    """


class NotDifferentiableError(TapeError, ValueError):
    """A derivative was asked where the function has none, or where it depends on what an algorithm chose freely.

    Such as of the eigenvectors of a repeated eigenvalue. Remedy: a function that does not depend on the choice.
    """


class NotLinearError(TapeError, ValueError):
    """A function was to be transposed that is not linear.

    Remedy: `vjp`, which transposes the derivative at a point, or a function without the constant term.
    """


class ConvergenceError(TapeError, RuntimeError):
    """A solver found no solution. Remedy: start elsewhere, raise ``max_steps`` or ``tol``, or bring a solver of your own."""


class RecomputationError(TapeError, RuntimeError):
    """A checkpointed function, computed again for its derivatives, did something else than the first time.

    Remedy: draw random numbers before, and pass them as arguments.
    """


class RuleError(TapeError, RuntimeError):
    """A rule for a derivative returned something that does not fit the operand it belongs to.

    Remedy: a rule that returns one array of the operand's shape for each operand; `tape_ad.testing.check_op` finds more.
    """


class StructureError(TapeError, ValueError):
    """Two nests of containers that should have the same structure do not.

    Remedy: build the second like the first, at the place that the message names.
    """


class MissingGradientError(TapeError, KeyError):
    """`Gradients` was asked for a tensor that it has no gradient for; the message says why.

    Remedy: that of the class that was raised, one of those below.
    """

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NotOnTapeError(MissingGradientError):
    """The tensor does not lead to the outputs of this tape.

    Remedy: a tape of the output that it leads to; ``gradients.get(t)`` where None will do.
    """


class NotTrackedError(MissingGradientError):
    """The tensor leads to the outputs, but it is a constant: it was made without ``autograd=True``.

    Remedy: ``Tensor(data, autograd=True)``.
    """


class PiecewiseConstantError(MissingGradientError):
    """The tensor reaches the outputs only through operations whose derivative is zero by definition.

    Remedy: a smooth function in place of the operation that the message names, or zero as the gradient.
    """


class NotAskedForError(MissingGradientError):
    """The backward pass was limited by ``wrt`` to other tensors.

    Remedy: name the tensor in ``wrt``, or leave ``wrt`` out.
    """
