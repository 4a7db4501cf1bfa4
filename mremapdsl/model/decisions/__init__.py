"""All decisions with their choices. Importing this package fills ``decision.DECISIONS``."""

from mremapdsl.model.decisions import anon_vmas, faults, limits, merging, moving, relocation

__all__ = ["anon_vmas", "faults", "limits", "merging", "moving", "relocation"]
