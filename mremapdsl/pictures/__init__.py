"""Pictures: the state after each step of a scenario, and what the step changed, as SVG.

    for picture in pictures(record):      # a record with states
        print(picture.number, picture.svg)

Equal records give equal text.  A picture stands alone (its colours follow the reader's light or dark scheme, nothing is
told by colour alone, title and description say in words what is drawn); for pages that show many, ``embedded`` leaves
out what the page has once: the style (:data:`mremapdsl.pictures.theme.STYLE`), the patterns, heading and verdict.
"""

from mremapdsl.pictures.draw import Picture, pictures

__all__ = ["Picture", "pictures"]
