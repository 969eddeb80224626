"""Reports: Markdown for a pull request, JSON for programs, HTML for people."""

from resift_eval.report.document import (
    as_json,
    as_markdown,
    as_text,
    calibration_as_text,
)
from resift_eval.report.page import as_html

__all__ = ["as_html", "as_json", "as_markdown", "as_text", "calibration_as_text"]
