"""What does a machine read? The document of schema 1 (curvedoc/schema/report-1.schema.json)."""

from __future__ import annotations

import json

from ..report import Analysis


def render(analysis: Analysis) -> str:
    """The JSON document: keys in the order of the schema, ASCII only, non-finite numbers as strings.

    The same analysis gives the same bytes. ASCII because a name in a log may hold what a console or a UTF-8
    file cannot, a lone surrogate for one.
    """
    return json.dumps(analysis.to_dict(), indent=2, allow_nan=False)
