"""Train a DNABERT sequence classifier from CSV or FASTA, on a laptop or as a SageMaker training job.

Data: a file or a folder of files, one classified sequence an entry.

* CSV:   a header line, the first column the sequence, the second its label, 0 or 1.
* FASTA: the file's name says the label: `positive*.fa` is 1, `negative*.fa` is 0.

Sequences are taken whole, so train on the length that the model will be asked about (its window). A k-mer
that touches N or another ambiguity letter is [MASK], as in inference.py.

Each argument is also a hyperparameter of the same name; channels are `train`, `validation` and, to go on from
a published checkpoint rather than from nothing, `model`.

    python train.py --train promoters.csv --validation held_out.csv --model-dir model --epochs 4

Written to the model folder: config.json, vocab.txt, model.safetensors (fp16) and metrics.json. Add `code/`
(this folder's modules) and the folder is what model.tar.gz holds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers import set_seed as seed_everything
from transformers.trainer_callback import PrinterCallback

if (HERE := str(Path(__file__).resolve().parent)) not in sys.path:
    sys.path.insert(0, HERE)

import metrics
from examples import Examples, collate
from tokens import SPECIALS, KmerTokens, encode_bases

DNABERT_ORDER = "ATCG"
"""DNABERT counts its k-mers in this order of bases."""


# ---------------------------------------------------------------- model


def write_vocabulary(path: Path, k: int) -> None:
    """DNABERT's vocabulary for k: the five special tokens, then every k-mer."""
    kmers = ("".join(kmer) for kmer in itertools.product(DNABERT_ORDER, repeat=k))
    path.write_text("\n".join([*SPECIALS, *kmers]) + "\n")


def small_bert(args: argparse.Namespace, vocabulary_size: int) -> BertForSequenceClassification:
    """A BERT from nothing, of the size the arguments ask for."""
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=vocabulary_size,
            hidden_size=args.hidden,
            num_hidden_layers=args.layers,
            num_attention_heads=args.heads,
            intermediate_size=4 * args.hidden,
            max_position_embeddings=args.positions,
            hidden_dropout_prob=args.dropout,
            attention_probs_dropout_prob=0.0,  # on a CPU it would cost the fused attention
        )
    )


def kmer_features(tokens: KmerTokens) -> torch.Tensor:
    """(vocabulary, features): which base each k-mer has at each place, and which pairs of bases, wherever."""
    features = torch.zeros(len(tokens.vocabulary), 4 * tokens.k + 16)
    for token, number in tokens.vocabulary.items():
        if token in SPECIALS:
            continue
        codes = encode_bases(token.encode()).tolist()
        for place, code in enumerate(codes):
            features[number, 4 * place + code] = 1.0
        for first, second in itertools.pairwise(codes):
            features[number, 4 * tokens.k + 4 * first + second] += 1.0
    return features


def waves(positions: int, width: int) -> torch.Tensor:
    """(positions, width): sines and cosines of wavelengths from 2 pi to some ten thousand times that."""
    angles = torch.arange(positions)[:, None] * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@torch.no_grad()
def relate_embeddings(model: BertForSequenceClassification, tokens: KmerTokens) -> None:
    """Let k-mers that share bases, and positions that are near, begin alike.

    Nothing else tells a small model that CGCGCG and CGCGCA have much in common, and thousands of promoters are
    too few to learn it for each pair. Both tables keep the spread that BERT starts from.
    """
    table, spread = model.bert.embeddings, model.config.initializer_range
    features = kmer_features(tokens)
    related = (features - features.mean(0)) @ torch.randn(features.shape[1], model.config.hidden_size)
    kmers = torch.tensor([number for token, number in tokens.vocabulary.items() if token not in SPECIALS])
    table.word_embeddings.weight[kmers] = related[kmers] * (spread / related[kmers].std())
    positions = waves(*table.position_embeddings.weight.shape)
    table.position_embeddings.weight.copy_(positions * (spread / positions.std()))


def starting_point(args: argparse.Namespace, model_dir: Path) -> tuple[BertForSequenceClassification, KmerTokens]:
    """Model and vocabulary: the checkpoint's, or new ones. vocab.txt is in `model_dir` afterwards."""
    vocabulary = model_dir / "vocab.txt"
    if args.start_from:
        vocabulary.write_bytes((Path(args.start_from) / "vocab.txt").read_bytes())
        model = BertForSequenceClassification.from_pretrained(args.start_from, num_labels=2).float()
        return model, KmerTokens.from_file(vocabulary)
    write_vocabulary(vocabulary, args.k)
    tokens = KmerTokens.from_file(vocabulary)
    model = small_bert(args, len(tokens.vocabulary))
    relate_embeddings(model, tokens)
    return model, tokens


# ---------------------------------------------------------------- training


class ProgressLines(TrainerCallback):
    """One `key=value` line a report, which a metric definition of a training job can pick up."""

    def on_log(self, args, state, control, logs=None, **_):
        figures = " ".join(f"{key}={value:.5g}" for key, value in logs.items() if isinstance(value, int | float))
        print(f"step={state.global_step}/{state.max_steps} {figures}", flush=True)


def evaluation_figures(prediction) -> dict[str, float]:
    logits = torch.from_numpy(prediction.predictions)
    return metrics.summary(prediction.label_ids, logits.softmax(-1)[:, 1].numpy())


def training_arguments(args: argparse.Namespace, steps: int, scratch: str) -> TrainingArguments:
    """Linear warm-up, then cosine decay to nothing; weights are kept at the end only."""
    return TrainingArguments(
        output_dir=scratch,
        seed=args.seed,
        num_train_epochs=args.epochs,
        learning_rate=args.learning_rate,
        per_device_train_batch_size=args.batch_size,
        per_device_eval_batch_size=4 * args.batch_size,
        lr_scheduler_type="cosine",
        warmup_steps=int(args.warmup * steps),
        weight_decay=args.weight_decay,
        max_grad_norm=1.0,
        logging_steps=max(1, steps // 50),
        eval_strategy="epoch" if args.validation else "no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        bf16=args.precision == "bf16",
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def fit(args: argparse.Namespace, model, tokens: KmerTokens, scratch: str) -> dict:
    """Train `model` in place; the metrics of the run."""
    most = model.config.max_position_embeddings
    train = Examples(Path(args.train), tokens, most, args.hide)
    held_out = Examples(Path(args.validation), tokens, most) if args.validation else None
    steps = -(-len(train) // args.batch_size) * args.epochs
    trainer = Trainer(
        model=model,
        args=training_arguments(args, steps, scratch),
        train_dataset=train,
        eval_dataset=held_out,
        data_collator=lambda items: collate(items, tokens),
        compute_metrics=evaluation_figures,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressLines)
    loss = trainer.train().training_loss
    figures = {"train_sequences": len(train), "train_loss": round(loss, 4)}
    return figures | ({"validation": trainer.evaluate()} if held_out else {})


def save(model: BertForSequenceClassification, model_dir: Path, figures: dict) -> None:
    """Weights go out in fp16: half the size, and inference.py runs them in fp32."""
    model.half().save_pretrained(model_dir)
    (model_dir / "model.safetensors").chmod(0o644)  # written for its owner alone, and the server is another user
    (model_dir / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where, env = parser.add_argument_group("data and model"), os.environ
    where.add_argument("--train", default=env.get("SM_CHANNEL_TRAIN"), help="training file or folder")
    where.add_argument("--validation", default=env.get("SM_CHANNEL_VALIDATION"), help="judged after each epoch")
    where.add_argument("--model-dir", default=env.get("SM_MODEL_DIR"), help="where the model is written")
    where.add_argument("--start-from", default=env.get("SM_CHANNEL_MODEL"), help="checkpoint folder to go on from")
    size = parser.add_argument_group("the model, unless --start-from is given")
    size.add_argument("--k", type=int, default=6, choices=range(3, 7), help="bases in a token (default 6)")
    size.add_argument("--layers", type=int, default=2, help="transformer layers (default 2)")
    size.add_argument("--hidden", type=int, default=128, help="width (default 128)")
    size.add_argument("--heads", type=int, default=2, help="attention heads (default 2)")
    size.add_argument("--positions", type=int, default=512, help="most tokens in an input (default 512)")
    size.add_argument("--dropout", type=float, default=0.1, help="default 0.1")
    how = parser.add_argument_group("training")
    how.add_argument("--epochs", type=int, default=4, help="passes over the data (default 4)")
    how.add_argument("--batch-size", type=int, default=64, help="sequences in a step (default 64)")
    how.add_argument("--learning-rate", type=float, default=6e-4, help="at its peak; 2e-5 with --start-from")
    how.add_argument("--warmup", type=float, default=0.1, help="share of the steps to the peak (default 0.1)")
    how.add_argument("--weight-decay", type=float, default=0.01, help="AdamW's (default 0.01)")
    how.add_argument("--hide", type=float, default=0.1, help="share of k-mers masked in training (default 0.1)")
    how.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16 where the processor has it")
    how.add_argument("--seed", type=int, default=1, help="of weights, order and dropout (default 1)")
    args = parser.parse_args(argv)
    if not args.train or not args.model_dir:
        parser.error("--train and --model-dir are needed (a training job sets both)")
    return args


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    seed_everything(args.seed)
    model_dir = Path(args.model_dir)
    model_dir.mkdir(parents=True, exist_ok=True)
    model, tokens = starting_point(args, model_dir)
    print(f"parameters={model.num_parameters()} k={tokens.k} threads={torch.get_num_threads()}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        figures = fit(args, model, tokens, scratch)
    save(model, model_dir, {"seed": args.seed, "seconds": round(time.monotonic() - began), **figures})


if __name__ == "__main__":
    main()
