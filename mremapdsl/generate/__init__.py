"""Random programs, made with a look at the state that they have reached, and what two machines make of them.

``families`` says what a program is made of, ``program`` makes it one operation at a time beside a model that carries
it out, ``places`` chooses ranges and destinations (neighbours, holes, the way back).  ``differ`` runs a program under
two rule sets up to the first difference; ``campaign`` does so with many, in several processes.
"""
