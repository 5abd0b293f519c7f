"""Tiny text models with real tokenizers, trained on a few lines and saved as people save them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

LINES = (
    "a handwritten seven on paper",
    "someone is running up the stairs",
    "número siete, escrito a mano",
    "The cat sat on the mat and saw 1, 2, 3 dogs.",
)
WIDTH = 16
LONG_TEXT = " ".join(LINES * 8)
"""Longer than any tiny model reads at once."""


def save_bert(folder: Path, *, seed: int = 0, places: int = 24) -> str:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    _train(tokenizer, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    _surround(tokenizer, "[CLS] $A [SEP]")
    _save_tokenizer(
        *(tokenizer, folder),
        unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
    )  # fmt: skip
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=WIDTH, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=places,
    )  # fmt: skip
    return _save_model(BertModel, config, folder, seed=seed)


def save_roberta(folder: Path, *, seed: int = 0) -> str:
    """26 positions, of which padding takes two: it reads 24 tokens. Its tokenizer has no limit."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=letters)
    _train(tokenizer, trainer)
    _surround(tokenizer, "<s> $A </s>")
    _save_tokenizer(
        *(tokenizer, folder),
        unk_token="<unk>", pad_token="<pad>", cls_token="<s>", sep_token="</s>",
    )  # fmt: skip
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=WIDTH, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=32, max_position_embeddings=26, pad_token_id=1,
    )  # fmt: skip
    return _save_model(RobertaModel, config, folder, seed=seed)


def save_t5(folder: Path, *, kind: Any = T5Model, max_length: int | None = 24) -> str:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"
    )
    _train(tokenizer, trainer)
    _surround(tokenizer, "$A </s>")
    limit = {"model_max_length": max_length} if max_length else {}
    _save_tokenizer(
        *(tokenizer, folder), unk_token="<unk>", pad_token="<pad>", eos_token="</s>", **limit
    )
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size() + 3, d_model=WIDTH, d_kv=8, d_ff=32, num_heads=2,
        num_layers=1,
    )  # fmt: skip
    return _save_model(kind, config, folder)


def save_adapter(folder: Path, model: str, *, seed: int = 0, targets: tuple[str, ...]) -> str:
    """A LoRA adapter of the model in a folder."""
    from peft import LoraConfig

    return save_peft(folder, model, LoraConfig(r=2, target_modules=list(targets)), seed=seed)


def save_peft(folder: Path, model: str, config: Any, *, seed: int = 0, **saving: Any) -> str:
    """A peft adapter as training leaves it, everything in it filled; `saving` says how to save."""
    from peft import get_peft_model
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft uses what transformers will rename
        warnings.simplefilter("ignore", UserWarning)  # it says that it saves embeddings, too
        torch.manual_seed(seed)
        adapted: Any = get_peft_model(AutoModel.from_pretrained(model), config)
        for name, weight in adapted.named_parameters():
            if "lora_" in name or weight.requires_grad:
                torch.nn.init.normal_(weight)
        adapted.save_pretrained(folder, **saving)
    return str(folder)


def _train(tokenizer: Tokenizer, trainer: Any) -> None:
    trainer.show_progress = False
    tokenizer.train_from_iterator(LINES, trainer)


def _surround(tokenizer: Tokenizer, template: str) -> None:
    special = [word for word in template.split() if word != "$A"]
    tokenizer.post_processor = TemplateProcessing(
        single=template, special_tokens=[(word, tokenizer.token_to_id(word)) for word in special]
    )


def _save_tokenizer(tokenizer: Tokenizer, folder: Path, **settings: Any) -> None:
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings).save_pretrained(folder)


def _save_model(kind: Any, config: Any, folder: Path, *, seed: int = 0) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
        for weight in model.parameters():  # at the usual scale all texts would look alike
            torch.nn.init.normal_(weight, std=0.3)
        model.save_pretrained(folder)
    return str(folder)


def save_sentence_folder(
    folder: Path, *, poolings: tuple[str, ...] = ("mean",), dense: bool = True, **settings: Any
) -> str:
    """A folder that the sentence-transformers library itself writes, around a tiny BERT.

    `settings` go to its `SentenceTransformer`.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    modules = [
        Transformer(save_bert(folder.with_name(folder.name + "-transformer"))),
        Pooling(WIDTH, pooling_mode=poolings),
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if dense:
            modules += [Dense(len(poolings) * WIDTH, 8), Normalize()]
    SentenceTransformer(modules=modules, device="cpu", **settings).save(str(folder))
    return str(folder)


def edit(folder: str | Path, file: str, **changed: object) -> None:
    path = Path(folder) / file
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | changed), encoding="utf-8")


TRANSFORMERS = {"bert": save_bert, "roberta": save_roberta, "t5": save_t5}
FAMILIES = {"sentence-transformers": save_sentence_folder, **TRANSFORMERS}
