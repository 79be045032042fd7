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

import json
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

import hyperparameters
import metrics
from common.checkpoints import make_servable, open_checkpoint
from examples import IGNORED, Examples, MaskedExamples, collate, collate_masked
from hyperparameters import Hyperparameters
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


def starting_point(args: Hyperparameters) -> tuple[BertPreTrainedModel, KmerTokens]:
    """Model and vocabulary: the checkpoint's, or new ones. vocab.txt is in the model's folder afterwards."""
    vocabulary = args.model_dir / "vocab.txt"
    if args.start_from:
        with open_checkpoint(args.start_from) as folder:
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


def training_arguments(args: Hyperparameters, steps: int, scratch: str) -> TrainingArguments:
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


def data_sets(args: Hyperparameters, tokens: KmerTokens, most_tokens: int) -> tuple[Examples, Examples | None]:
    """Training and held-out examples, as the task hides them."""
    train, held_out = args.train, args.validation
    if args.task == "masked":
        rest = MaskedExamples(held_out, tokens, most_tokens, args.hide, fixed=True) if held_out else None
        return MaskedExamples(train, tokens, most_tokens, args.hide), rest
    return Examples(train, tokens, most_tokens, args.hide), Examples(
        held_out, tokens, most_tokens
    ) if held_out else None


def fit(args: Hyperparameters, model, tokens: KmerTokens, scratch: str) -> dict:
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


def parse_arguments(argv: list[str] | None = None) -> Hyperparameters:
    return hyperparameters.parse(__doc__, argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    seed_everything(args.seed)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    model, tokens = starting_point(args)
    print(f"parameters={model.num_parameters()} k={tokens.k} threads={torch.get_num_threads()}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        figures = fit(args, model, tokens, scratch)
    save(model, args.model_dir, {"seed": args.seed, "seconds": round(time.monotonic() - began), **figures})


if __name__ == "__main__":
    main()
