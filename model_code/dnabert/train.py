"""Train a DNABERT from CSV, FASTA or JSON Lines, on a laptop or as a SageMaker training job.

The model is a sequence classifier or, with `--task masked`, a masked language model.

The data are a file or a folder of files with one labelled sequence per entry:

* CSV:   a header line; column 1 is the sequence, column 2 its label, 0 or 1.
* FASTA: the file's name determines the label: `positive*.fa` is 1, `negative*.fa` is 0.
* JSON Lines: {"sequence": "ACGT…", "label": "1"} on each line, as the pipeline writes them.

A masked language model takes the same files and ignores the labels.

Sequences are used whole, so train on the length that the model will predict on (its window). A k-mer that touches N or
another ambiguity code is [MASK], as in inference.py.

Each argument is also a hyperparameter of the same name. The channels are `train`, `validation` and, to continue from a
published checkpoint instead of training from scratch, `model`.

    python train.py --train promoters.csv --validation held_out.csv --model-dir model --epochs 4

The model folder then contains config.json, vocab.txt, model.safetensors (fp16), metrics.json, and code/ with the
modules beside this one. The model.tar.gz that a training job makes of it can be served as it is.

With --checkpoints, which a training job always has, a checkpoint is written after each epoch, from time to time within
a long one, and after SIGTERM; then the exit status is 143. The same command resumes from the newest checkpoint, and
ends with the same model as a run without an interruption.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

# The container may only append this folder to sys.path. common/ is in the folder, or beside it in the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import hyperparameters
import metrics
from common.checkpoints import copy_vocabulary, make_servable, open_checkpoint
from common.interruption import INTERRUPTED, Interruption
from common.seals import find_sealed, lacks_evaluation, run_name, step_of
from examples import IGNORED, Examples, MaskedExamples, collate, collate_masked
from hyperparameters import Hyperparameters
from resuming import Draws, Seals, digest_of
from small_bert import Size, make_small_bert, write_vocabulary
from tokens import KmerTokens

if TYPE_CHECKING:
    from transformers import EvalPrediction, TrainerControl, TrainerState
    from transformers.trainer_utils import EvalLoopOutput


class MaskedBert(BertForMaskedLM):
    """BertForMaskedLM that computes its head only for masked tokens, because the others have no label."""

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the loss, the mean cross-entropy over the tokens whose label is not IGNORED."""
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        masked = labels != IGNORED
        logits = self.cls(hidden[masked]).float()
        return {"loss": torch.nn.functional.cross_entropy(logits, labels[masked])}


HEADS = {"promoter": BertForSequenceClassification, "masked": MaskedBert}


def make_model(args: Hyperparameters) -> tuple[BertPreTrainedModel, KmerTokens]:
    """Return the checkpoint's model and vocabulary, or new ones. Also write vocab.txt to the model folder."""
    vocabulary = args.model_dir / "vocab.txt"
    if args.start_from:
        with open_checkpoint(args.start_from) as folder:
            copy_vocabulary(folder, args.model_dir)
            model = HEADS[args.task].from_pretrained(folder, num_labels=2).float()
        return model, KmerTokens.from_file(vocabulary)
    write_vocabulary(vocabulary, args.k)
    tokens = KmerTokens.from_file(vocabulary)
    size = Size(args.layers, args.hidden, args.heads, args.positions, args.dropout)
    return make_small_bert(size, tokens, HEADS[args.task]), tokens


class ProgressLines(TrainerCallback):
    """A callback that prints `key=value …` for each report; metric definitions of a training job match these lines."""

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Print the numbers of a report."""
        figures = [f"{key}={value:.5g}" for key, value in (logs or {}).items() if isinstance(value, int | float)]
        print(f"step={state.global_step}/{state.max_steps}", *figures, flush=True)


def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """Return the metrics of an evaluation of the classifier."""
    logits = torch.from_numpy(prediction.predictions)
    return metrics.summary(prediction.label_ids, logits.softmax(-1)[:, 1].numpy())


def training_arguments(args: Hyperparameters, steps: int, scratch: str) -> TrainingArguments:
    """Return the arguments of the Trainer: linear warm-up, then cosine decay to 0; checkpoints if their folder is set.

    `scratch` is the folder that the Trainer uses without checkpoints.
    """
    return TrainingArguments(
        output_dir=str(args.checkpoints or scratch),
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
        save_strategy="epoch" if args.checkpoints else "no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        bf16=args.precision == "bf16",
        prediction_loss_only=args.task == "masked",
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def read_data(args: Hyperparameters, tokens: KmerTokens, most_tokens: int) -> tuple[Examples, Examples | None]:
    """Return the training examples, and the validation examples if there are any, masked as the task requires."""
    if args.task == "masked":
        train = MaskedExamples(args.train, tokens, most_tokens, args.hide)
        if not args.validation:
            return train, None
        return train, MaskedExamples(args.validation, tokens, most_tokens, args.hide, fixed=True)
    train = Examples(args.train, tokens, most_tokens, args.hide)
    return train, Examples(args.validation, tokens, most_tokens) if args.validation else None


class ResumableTrainer(Trainer):
    """A Trainer whose evaluations use no random numbers of the training.

    After SIGTERM at the end of an epoch, the checkpoint is written before the evaluation, otherwise after it.
    """

    def evaluation_loop(self, *arguments: object, **more: object) -> EvalLoopOutput:
        """Return the metrics of a data set."""
        with torch.random.fork_rng(devices=[]):
            return super().evaluation_loop(*arguments, **more)


def make_trainer(args: Hyperparameters, model: BertPreTrainedModel, tokens: KmerTokens, scratch: str) -> Trainer:
    """Return the Trainer of a model on its data."""
    train, validation = read_data(args, tokens, model.config.max_position_embeddings)
    steps = -(-len(train) // args.batch_size) * args.epochs
    into_batch = collate_masked if args.task == "masked" else collate
    trainer = ResumableTrainer(
        model=model,
        args=training_arguments(args, steps, scratch),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=lambda items: into_batch(items, tokens),
        compute_metrics=None if args.task == "masked" else compute_metrics,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(ProgressLines)
    trainer.add_callback(Draws(train, args.seed))
    return trainer


def fit(args: Hyperparameters, trainer: Trainer, interruption: Interruption) -> None:
    """Train the Trainer's model in place, from the newest complete checkpoint of this run if there is one."""
    trainer.add_callback(interruption)
    checkpoint = None
    if args.checkpoints:
        run = run_name(args.identity(), digest_of(args.train, args.validation, args.start_from))
        trainer.add_callback(Seals(args.checkpoints, run))
        checkpoint = find_sealed(args.checkpoints, run)
    if checkpoint:
        print(f"resume step={step_of(checkpoint)}", flush=True)
        trainer.args.eval_on_start = bool(args.validation) and lacks_evaluation(checkpoint, "eval_loss")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def make_figures(trainer: Trainer) -> dict[str, Any]:
    """Return the metrics of a run. The loss is the mean of all reports, also of those before an interruption."""
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    figures = {"train_sequences": len(trainer.train_dataset), "train_loss": round(sum(losses) / len(losses), 4)}
    return figures | ({"validation": trainer.evaluate()} if trainer.eval_dataset else {})


def save(model: BertPreTrainedModel, model_dir: Path, figures: dict[str, Any]) -> None:
    """Write a model folder that can be served. Weights are stored in fp16; inference.py converts them to fp32."""
    model.half().save_pretrained(model_dir)
    config = json.loads((model_dir / "config.json").read_text())
    if config["architectures"] == [MaskedBert.__name__]:  # no other program has this class
        (model_dir / "config.json").write_text(json.dumps(config | {"architectures": ["BertForMaskedLM"]}, indent=2))
    (model_dir / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    make_servable(model_dir, Path(__file__))


def parse_arguments(argv: list[str] | None = None) -> Hyperparameters:
    """Return the arguments of a command line, by default this process's."""
    return hyperparameters.parse(__doc__, argv)


def main(argv: list[str] | None = None, interruption: Interruption | None = None) -> int:
    """Train and save a model. Return the exit status: 0, or INTERRUPTED if `interruption` stopped the training."""
    args, interruption = parse_arguments(argv), interruption or Interruption()
    seed_everything(args.seed)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    model, tokens = make_model(args)
    print(f"parameters={model.num_parameters()} k={tokens.k} threads={torch.get_num_threads()}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        trainer = make_trainer(args, model, tokens, scratch)
        fit(args, trainer, interruption)
        if interruption.stopped:
            return INTERRUPTED
        figures = make_figures(trainer)
    save(model, args.model_dir, {"seed": args.seed, "seconds": round(time.monotonic() - began), **figures})
    return 0


if __name__ == "__main__":
    of_process = Interruption()
    of_process.listen()
    sys.exit(main(interruption=of_process))
