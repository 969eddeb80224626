"""Wrong in how they are packaged. Each is installed by `fake_distribution`."""

from __future__ import annotations

SOURCE = """
import resift
from resift.testing import word_overlap

class Overlap:
    @resift.hookimpl
    def score(self, query, documents):
        return [word_overlap(query, text) - len(text) / 1e6 for text in documents]
"""


def _package(source: str = SOURCE, **changes: object) -> dict[str, object]:
    return {
        "name": "resift-overlap",
        "modules": {"resift_overlap": source},
        "rerankers": {"overlap": "resift_overlap:Overlap"},
        **changes,
    }


PACKAGES: dict[str, dict[str, object]] = {
    "right": {"breaks": None, "reranker": "overlap", "installs": [_package()]},
    "misspelt target": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [_package(rerankers={"overlap": "resift_overlap:Overlaps"})],
    },
    "malformed target": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [_package(rerankers={"overlap": "resift_overlap.Overlap"})],
    },
    "names a function": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [_package(rerankers={"overlap": "resift_overlap:word_overlap"})],
    },
    "module of another distribution": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [
            _package(rerankers={}),
            _package(name="resift-impostor", modules={}),
        ],
    },
    "two distributions, one name": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [
            _package(),
            {
                "name": "resift-rival",
                "modules": {"resift_rival": SOURCE},
                "rerankers": {"overlap": "resift_rival:Overlap"},
            },
        ],
    },
    "raises on import": {
        "breaks": "entry_point_resolves",
        "reranker": "overlap",
        "installs": [_package(f"{SOURCE}\n1 / 0\n")],
    },
    "resift is not required": {
        "breaks": "distribution_needs_resift",
        "reranker": "overlap",
        "installs": [_package(requires=["resift-http"])],
    },
    "imports an SDK": {
        "breaks": "import_is_light",
        "reranker": "overlap",
        "installs": [
            {"name": "voyageai", "modules": {"voyageai": ""}, "requires": []},
            _package(f"import voyageai\n{SOURCE}"),
        ],
    },
    "is slow to import": {
        "breaks": "import_is_light",
        "reranker": "overlap",
        "installs": [_package(f"{SOURCE}\nsum(i * i for i in range(20_000_000))\n")],
    },
}
"""By name: the check it breaks, the reranker to check, and what is installed."""
