"""Keep identifiers out of the logs, as the last net behind not writing them at all."""

import logging
import re

# Ten digits in the printed forms of an NHS number, and postcodes.
NHS_NUMBER = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")


def without_identifiers(text: str) -> str:
    """Return the text with anything shaped like an NHS number or postcode masked."""
    return POSTCODE.sub("[postcode]", NHS_NUMBER.sub("[number]", text))


class WithoutIdentifiers(logging.Filter):
    """Mask identifier-shaped text in the message and drop the row values of errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = without_identifiers(record.getMessage())
        record.args = ()
        if record.exc_info:
            kind, error, _ = record.exc_info
            # A database error's DETAIL line repeats the offending row.
            first_line = str(error).partition("\n")[0]
            record.msg += f" [{getattr(kind, '__name__', kind)}: "
            record.msg += f"{without_identifiers(first_line)}]"
            record.exc_info = None
            record.exc_text = None
        return True
