"""Batch reranking: many queries from files to files, resumable.

`run_part` does one part of a job that ``resift batch`` has planned; all that it needs
stands in the folder of the job. Whatever maps it over part numbers makes the same
bytes: our own workers, Ray, or any executor.
"""

from __future__ import annotations

from resift_batch.part import Done, missing_parts, run_part

__all__ = ["Done", "missing_parts", "run_part"]
