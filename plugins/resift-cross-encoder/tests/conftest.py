"""Tiny models with random weights, saved to disk and loaded by the real code."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from resift_local import unreported

if importlib.util.find_spec("openvino") is not None:
    with unreported():  # the tests import it, which it would report
        import openvino as _  # noqa: F401

SaveClassifier = Callable[..., Path]

WORDS = re.findall(
    r"\w+",
    """
    the a of in on is are was what who when where how red blue green fox dog cat
    river city paris lyon berlin france capital water snow rain paint house door
    night day sleeps runs hunts eats lies stands large small old new first last
    bird tree forest
    """,
)

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,  # so that scores lie well apart
}


@pytest.fixture
def query() -> str:
    """A query in the words that the models know."""
    return "what is the capital of france"


@pytest.fixture
def documents() -> list[str]:
    """Documents of different lengths, all shorter than the models read."""
    return [
        "paris is the capital of france",
        "the red fox hunts in the snow",
        "lyon is a large city in france, on the river",
        "paint the house blue",
        "berlin",
    ]


@pytest.fixture
def long_document() -> str:
    """A document of 90 tokens; the models read 64 with the query, or 32."""
    return "paris is the " * 30


def _tokenizer(folder: Path):
    """Save a WordPiece tokenizer that knows `WORDS` and every letter."""
    from transformers import BertTokenizer

    letters = [chr(c) for c in range(33, 127)]
    pieces = [f"##{letter}" for letter in letters]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = dict.fromkeys([*special, *WORDS, "yes", "no", *letters, *pieces])
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=64)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def save_classifier(tmp_path_factory: pytest.TempPathFactory) -> SaveClassifier:
    """Return a function that saves a tiny BERT classifier and returns its folder."""

    def save(
        labels: tuple[str, ...] = ("LABEL_0",),
        head: str = "BertForSequenceClassification",
    ) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.mktemp("classifier")
        tokenizer = _tokenizer(folder)
        torch.manual_seed(7)
        config = transformers.BertConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=64,
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            **TINY,
        )
        getattr(transformers, head)(config).save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def model(save_classifier: SaveClassifier) -> Path:
    """The folder of a tiny cross-encoder."""
    return save_classifier()


@pytest.fixture(scope="session")
def labelled(save_classifier: SaveClassifier) -> Path:
    """The folder of a tiny classifier with three labels."""
    return save_classifier(("contradiction", "entailment", "neutral"))


@pytest.fixture(scope="session")
def headless(save_classifier: SaveClassifier) -> Path:
    """The folder of a tiny encoder without a head."""
    return save_classifier(head="BertModel")


def _word_tokenizer(folder: Path, chat_template: str | None = None):
    """Save a tokenizer whose tokens are `WORDS`, with the template of RoBERTa."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    words = [*special.values(), "<mask>", "yes", "no", *WORDS]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        chat_template=chat_template,
        **{f"{name}_token": token for name, token in special.items()},
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny RoBERTa: other special tokens, no token types."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("roberta")
    tokenizer = _word_tokenizer(folder)
    torch.manual_seed(7)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=34,  # 32 and the padding index
        num_labels=1,
        **TINY,
    )
    transformers.RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


def _save_language_model(folder: Path, kind: str, **options: object) -> Path:
    """Save a tiny language model that answers yes or no."""
    import torch
    import transformers

    tokenizer = _word_tokenizer(
        folder,
        "{% for m in messages %}"
        "{% if m.role == 'system' %}<s> {{ m.content[0].text }} "
        "{% elif m.role == 'query' %}where {{ m.content[0].text }} "
        "{% elif m.role == 'document' %}in {{ m.content[0].text }} {% endif %}"
        "{% endfor %}</s> yes no",
    )
    torch.manual_seed(7)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        **TINY,
        **options,
    )
    getattr(transformers, f"{kind}ForCausalLM")(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def save_language_model() -> Callable[..., Path]:
    """Save a tiny language model of some kind."""
    return _save_language_model


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny language model that answers yes or no."""
    folder = tmp_path_factory.mktemp("language_model")
    return _save_language_model(folder, "Granite", num_key_value_heads=2)
