"""What is decided about functions of NumPy's that are no op and no query, by the name that a program writes.

The functions of `MUTATING` and `REFUSED` may be handed a tensor and do not take it; those of `WITHOUT_TENSORS` are handed
none. Together with the doors and the queries these tables say of every function what becomes of a tensor in it.
`tape_ad.testing` reads them all, and a function in none of them is undecided.
"""

from collections.abc import Mapping

from attrs import frozen


@frozen
class Refusal:
    """Why a function does not take a tensor, as a predicate of its name, and what to write."""

    reason: str
    remedy: str


MUTATING: Mapping[str, str] = {
    "np.copyto": "array = np.where(mask, t, array)",
    "np.put": "t = t.ravel().at[i].set(v).reshape(t.shape)",
    "np.put_along_axis": "t = t.at[i, np.arange(n)].set(v)",
    "np.place": "t = t.at[mask].set(v)",
    "np.putmask": "t = tape_ad.where(mask, v, t)",
    "np.fill_diagonal": "t = t.at[np.diag_indices(n)].set(v)",
}
"""Functions that change an argument, and what to write in place of a call of each."""

_DATES = "is about dates, which have no derivative and which no tensor holds"
_FILE = "writes values into a file, which does not keep how they were computed"
_BEFORE = "makes an array of its argument before anybody is asked"

REFUSED: Mapping[str, Refusal] = {
    "np.asarray_chkfinite": Refusal(_BEFORE, "np.asarray_chkfinite(t.data), for the check, and go on with t"),
    "np.asmatrix": Refusal(
        "makes a matrix, which is an array of another kind", "np.atleast_2d(t), or np.asmatrix(t.data)"
    ),
    "np.bmat": Refusal("makes a matrix, which is an array of another kind", "np.block([[t, t]]), or np.bmat of t.data"),
    "np.busday_count": Refusal(_DATES, "np.busday_count(t.data, end)"),
    "np.busday_offset": Refusal(_DATES, "np.busday_offset(dates, t.data)"),
    "np.datetime_as_string": Refusal(_DATES, "np.datetime_as_string(t.data)"),
    "np.is_busday": Refusal(_DATES, "np.is_busday(t.data)"),
    "np.isfortran": Refusal("looks at memory, which of a tensor nobody sees", "np.isfortran(t.data)"),
    "np.isnat": Refusal(_DATES, "np.isnan(t), or np.isnat(t.data)"),
    "np.require": Refusal(_BEFORE, "t, whose memory nobody sees, or np.require(t.data)"),
    "np.save": Refusal(_FILE, "np.save(file, t.data)"),
    "np.savetxt": Refusal(_FILE, "np.savetxt(file, t.data)"),
    "np.savez": Refusal(_FILE, "np.savez(file, t.data)"),
    "np.savez_compressed": Refusal(_FILE, "np.savez_compressed(file, t.data)"),
}
"""Functions that do not take a tensor. Those that NumPy hands to nobody cannot be named in the error; its words are `Tensor`'s."""

GIVEN_UP: Mapping[str, str] = {"np.in1d": "np.isin", "np.row_stack": "np.vstack", "np.trapz": "np.trapezoid"}
"""What later releases of NumPy lack, and what they have in its place."""

MAKES_ARRAYS = "makes an array out of counts, bounds and shapes"
WITHOUT_TENSORS: Mapping[str, str] = {
    MAKES_ARRAYS: """arange bartlett blackman broadcast_shapes diag_indices empty eye fromfunction hamming hanning identity
        indices mask_indices ones tri tril_indices triu_indices zeros fft.fftfreq fft.rfftfreq""",
    "reads an array out of memory, text or a file": """from_dlpack frombuffer fromfile fromiter fromregex fromstring genfromtxt
        load loadtxt""",
    "is about dtypes": "datetime_data isdtype issubdtype mintypecode promote_types typename",
    "writes one number as text": "base_repr binary_repr format_float_positional format_float_scientific",
    "is about functions and loops": "frompyfunc nested_iters",
    "is about NumPy itself": """get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions
        setbufsize seterr seterrcall show_config show_runtime test fft.test linalg.test""",
}
"""Functions that take no tensor, by the reason: names in NumPy's main namespace, or after that of a part of it."""
