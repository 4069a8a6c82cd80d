"""One HTML page about a result or a sweep, that needs no network and nothing beside it."""
from marlfast.reports.page import report

__all__ = ["report"]
