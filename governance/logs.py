"""Keep identifiers out of the logs, as the last net behind not writing them at all."""

import logging
import re

# Ten digits in the printed forms of an NHS number, and postcodes.
NHS_NUMBER = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")
POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")


def without_identifiers(text: str) -> str:
    """Return the text with anything shaped like an NHS number or postcode masked."""
    return POSTCODE.sub("[postcode]", NHS_NUMBER.sub("[number]", text))


def what_went_wrong(error: BaseException) -> str:
    """Name an error by its first line: a database's next lines repeat the row."""
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {without_identifiers(first_line)}"


class WithoutIdentifiers(logging.Filter):
    """Mask identifier-shaped text in the message and drop the row values of errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = without_identifiers(record.getMessage())
        record.args = ()
        if record.exc_info:
            error = record.exc_info[1]
            if error is not None:
                record.msg += f" [{what_went_wrong(error)}]"
            record.exc_info = None
            record.exc_text = None
        return True
