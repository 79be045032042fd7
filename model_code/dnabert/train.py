"""Train a DNABERT from CSV or FASTA, on a laptop or as a SageMaker training job: a sequence classifier, or with
`--task masked` a masked language model.

Data: a file or a folder of files, one classified sequence an entry.

* CSV:   a header line, the first column the sequence, the second its label, 0 or 1.
* FASTA: the file's name says the label: `positive*.fa` is 1, `negative*.fa` is 0.

A masked language model has no use for the labels, but takes the same files.

Sequences are taken whole, so train on the length that the model will be asked about (its window). A k-mer
that touches N or another ambiguity letter is [MASK], as in inference.py.

Each argument is also a hyperparameter of the same name; channels are `train`, `validation` and, to go on from
a published checkpoint rather than from nothing, `model`.

    python train.py --train promoters.csv --validation held_out.csv --model-dir model --epochs 4

Written to the model folder: config.json, vocab.txt, model.safetensors (fp16), metrics.json, and code/ with the
modules beside this one: what a training job then packs as model.tar.gz can be served as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertPreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers import set_seed as seed_everything
from transformers.trainer_callback import PrinterCallback

# The container may only append this folder. common/ lies in it, or beside it where this is the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import metrics
from common.checkpoints import make_servable, unpacked
from examples import IGNORED, Examples, MaskedExamples, collate, collate_masked
from small_bert import Size, small_bert, write_vocabulary
from tokens import KmerTokens


class MaskedBert(BertForMaskedLM):
    """Computes its head for masked tokens alone: the other four fifths would be 4,101 figures each for nothing."""

    def forward(self, input_ids, attention_mask=None, labels=None):
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        chosen = labels != IGNORED
        logits = self.cls(hidden[chosen]).float()
        return {"loss": torch.nn.functional.cross_entropy(logits, labels[chosen])}


HEADS = {"promoter": BertForSequenceClassification, "masked": MaskedBert}


def starting_point(args: argparse.Namespace, model_dir: Path) -> tuple[BertPreTrainedModel, KmerTokens]:
    """Model and vocabulary: the checkpoint's, or new ones. vocab.txt is in `model_dir` afterwards."""
    vocabulary = model_dir / "vocab.txt"
    if args.start_from:
        with unpacked(Path(args.start_from)) as folder:
            shutil.copyfile(folder / "vocab.txt", vocabulary)
            model = HEADS[args.task].from_pretrained(folder, num_labels=2).float()
        return model, KmerTokens.from_file(vocabulary)
    write_vocabulary(vocabulary, args.k)
    tokens = KmerTokens.from_file(vocabulary)
    size = Size(args.layers, args.hidden, args.heads, args.positions, args.dropout)
    return small_bert(size, tokens, HEADS[args.task]), tokens


class ProgressLines(TrainerCallback):
    """One `key=value` line a report, which a metric definition of a training job can pick up."""

    def on_log(self, args, state, control, logs=None, **_):
        figures = [f"{key}={value:.5g}" for key, value in logs.items() if isinstance(value, int | float)]
        print(f"step={state.global_step}/{state.max_steps}", *figures, flush=True)


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
        prediction_loss_only=args.task == "masked",
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def data_sets(args: argparse.Namespace, tokens: KmerTokens, most_tokens: int) -> tuple[Examples, Examples | None]:
    """Training and held-out examples, as the task hides them."""
    train, held_out = Path(args.train), Path(args.validation) if args.validation else None
    if args.task == "masked":
        rest = MaskedExamples(held_out, tokens, most_tokens, args.hide, fixed=True) if held_out else None
        return MaskedExamples(train, tokens, most_tokens, args.hide), rest
    return Examples(train, tokens, most_tokens, args.hide), Examples(
        held_out, tokens, most_tokens
    ) if held_out else None


def fit(args: argparse.Namespace, model, tokens: KmerTokens, scratch: str) -> dict:
    """Train `model` in place; the metrics of the run."""
    train, held_out = data_sets(args, tokens, model.config.max_position_embeddings)
    steps = -(-len(train) // args.batch_size) * args.epochs
    into_batch = collate_masked if args.task == "masked" else collate
    trainer = Trainer(
        model=model,
        args=training_arguments(args, steps, scratch),
        train_dataset=train,
        eval_dataset=held_out,
        data_collator=lambda items: into_batch(items, tokens),
        compute_metrics=None if args.task == "masked" else evaluation_figures,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressLines)
    loss = trainer.train().training_loss
    figures = {"train_sequences": len(train), "train_loss": round(loss, 4)}
    return figures | ({"validation": trainer.evaluate()} if held_out else {})


def save(model: BertPreTrainedModel, model_dir: Path, figures: dict) -> None:
    """All that an archive to be served needs. Weights go out in fp16, and inference.py runs them in fp32."""
    model.half().save_pretrained(model_dir)
    config = json.loads((model_dir / "config.json").read_text())
    if config["architectures"] == [MaskedBert.__name__]:  # a class of ours, which no one else has
        (model_dir / "config.json").write_text(json.dumps(config | {"architectures": ["BertForMaskedLM"]}, indent=2))
    (model_dir / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    make_servable(model_dir, Path(__file__))


def parser() -> argparse.ArgumentParser:
    layout, env = argparse.RawDescriptionHelpFormatter, os.environ
    found = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    add = found.add_argument_group("data and model").add_argument
    add("--train", default=env.get("SM_CHANNEL_TRAIN"), help="training file or folder")
    add("--validation", default=env.get("SM_CHANNEL_VALIDATION"), help="judged after each epoch")
    add("--task", choices=HEADS, default="promoter", help="what is trained (default promoter: a classifier)")
    add("--model-dir", default=env.get("SM_MODEL_DIR"), help="where the model is written")
    add("--start-from", default=env.get("SM_CHANNEL_MODEL"), help="checkpoint folder, or one with its model.tar.gz")
    add = found.add_argument_group("the model, unless --start-from is given").add_argument
    add("--k", type=int, default=6, choices=range(3, 7), help="bases in a token (default 6)")
    add("--layers", type=int, default=2, help="transformer layers (default 2)")
    add("--hidden", type=int, default=128, help="width (default 128)")
    add("--heads", type=int, default=2, help="attention heads (default 2)")
    add("--positions", type=int, default=512, help="most tokens in an input (default 512)")
    add("--dropout", type=float, default=0.1, help="default 0.1")
    add = found.add_argument_group("training").add_argument
    add("--epochs", type=int, default=4, help="passes over the data (default 4)")
    add("--batch-size", type=int, default=64, help="sequences in a step (default 64)")
    add("--learning-rate", type=float, help="at its peak (default 6e-4; with --start-from 2e-5)")
    add("--warmup", type=float, default=0.1, help="share of the steps to the peak (default 0.1)")
    add("--weight-decay", type=float, default=0.01, help="AdamW's (default 0.01)")
    add("--hide", type=float, help="share of k-mers masked in training (default 0.1; masked 0.2)")
    add("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16 where the processor has it")
    add("--seed", type=int, default=1, help="of weights, order and dropout (default 1)")
    return found


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    args = parser().parse_args(argv)
    if not args.train or not args.model_dir:
        parser().error("--train and --model-dir are needed (a training job sets both)")
    if args.learning_rate is None:
        args.learning_rate = 2e-5 if args.start_from else 6e-4
    if args.hide is None:
        args.hide = 0.2 if args.task == "masked" else 0.1
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
