"""The form of a change to a register: its fields are those of the entry's own shape."""

from collections.abc import Mapping
from datetime import date
from typing import Any, get_origin

from django import forms

from governance.registers.specs import KINDS

LABELS = {
    "article_6": "UK GDPR Article 6",
    "article_9": "UK GDPR Article 9",
    "dpia": "Data protection impact assessment",
    "key": "Name of the entry",
}
MANY = "One on each line."


class EntryForm(forms.Form):
    """When a change begins and ends and why, then what the entry says."""

    key = forms.CharField(label=LABELS["key"], max_length=120)
    starts_on = forms.DateField(label="In force from", help_text="As 2026-11-23.")
    expires_on = forms.DateField(
        label="Ends on",
        help_text="From this day on it gives nothing. To end it now, today's date.",
    )
    why = forms.CharField(label="Why", widget=forms.Textarea)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.several = set()
        for name, field in KINDS[kind].model_fields.items():
            label = LABELS.get(name, name.replace("_", " ").capitalize())
            many = get_origin(field.annotation) is tuple
            if many:
                self.several.add(name)
            self.fields[name] = forms.CharField(
                label=label,
                required=field.is_required() and not many,
                help_text=MANY if many else "",
                max_length=2000,
                widget=forms.Textarea if many else forms.TextInput,
            )

    @property
    def about(self) -> list[tuple[forms.BoundField, str]]:
        """Every field with the kind of control that shows it."""
        return [
            (
                field,
                "textarea"
                if isinstance(field.field.widget, forms.Textarea)
                else "text",
            )
            for field in self
        ]

    def content(self) -> dict[str, Any]:
        """What the entry would say, as its shape takes it."""
        given = self.cleaned_data
        return {
            name: [line.strip() for line in given[name].splitlines() if line.strip()]
            if name in self.several
            else given[name]
            for name in KINDS[self.kind].model_fields
        }


def beginning(
    key: str, content: Mapping[str, Any], starts_on: date, expires_on: date | None
) -> dict[str, Any]:
    """Return what the form shows at first: the entry in force, or nothing."""
    told = {
        name: "\n".join(value) if isinstance(value, list | tuple) else value
        for name, value in content.items()
    }
    return {"key": key, "starts_on": starts_on, "expires_on": expires_on} | told
