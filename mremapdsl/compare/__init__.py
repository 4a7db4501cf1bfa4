"""Model and running kernel side by side: the first difference that both can see.

    with Session(flags=True) as session:
        comparer = Comparer(api.rules("linux-6.18"), session)
        difference = comparer.compare(operations)   # None: they agree at every step

A session serves any number of programs, one after the other; with ``deep=True`` everything that BPF shows is compared.
``Unsupported`` says that this machine (or the model) cannot carry out one of the operations.
"""

from mremapdsl.compare.comparer import Comparer, Difference

__all__ = ["Comparer", "Difference"]
