from __future__ import annotations

TOLD = """
class Plugin:
    @resift.hookimpl
    def score(self, documents, instruction):
        words = set((instruction or "").split())
        return [float(len(words & set(text.split()))) for text in documents]
"""


def test_rank_hands_it_on(cli, install):
    """`--instruction` reaches a reranker that reads one."""
    install(TOLD, "told")

    result = cli(
        "rank", "fox", "-r", "told", "--instruction", "green", stdin="red\ngreen\n"
    )
    assert result.output.split() == ["1", "1", "2", "green", "2", "0", "1", "red"]


def test_rank_refuses_it_where_nothing_reads_it(cli):
    """bm25 reads no instruction, and the command fails rather than drop it."""
    result = cli("rank", "fox", "--instruction", "green", stdin="red\ngreen\n")

    assert result.exit_code == 1
    assert "does not read an instruction" in result.output
