"""The form of every measured figure."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measurement; `beside` holds what it was compared with in the same run."""

    name: str
    value: float
    unit: str
    beside: dict[str, float | int | str] = field(default_factory=dict)

    def as_json(self) -> str:
        """The one-line form that other programs read."""
        return json.dumps(
            {
                "figure": self.name,
                "value": self.value,
                "unit": self.unit,
                "beside": self.beside,
            }
        )
