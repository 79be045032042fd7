"""Train a model of secondary structure: fine-tune ProtT5 or ProtBERT, or train a small network, on one or many GPUs.

Data: a folder with train.jsonl, validation.jsonl and test.jsonl, one protein per line:
{"id": "1abc-A", "sequence": "MKV…", "labels": "CCHH-…"}; `-` is a residue that is not scored.
Weights: a published folder of prot_t5_xl_uniref50, its half-precision encoder, or prot_bert_bfd; none for cnn.

Each argument is also a hyperparameter of the same name; the channels of a training job are `data` and `model`.

    python train.py --model cnn --data data --model-dir model --epochs 4 --learning_rate 2e-3
    torchrun --nproc_per_node 8 train.py --model prott5 --profile fsdp --data data --start-from prot_t5 …

The model of the epoch with the best validation is kept. After SIGTERM the state is written to the checkpoints folder,
and the exit status is 143; the same command resumes from there. The model folder then contains config.json,
model.safetensors, vocab.txt for ProtBERT, card.json, and code/, so that it can be served as it is.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import transformers
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import EvalLoopOutput

# The container may only append this folder to sys.path. common/ is in the folder, or beside it in the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import alphabet
import arguments
import batches
import callbacks
import encoders
import networks
import parallelism
import records
import sharded_checkpoints
import weights
from arguments import Arguments
from common.checkpoints import copy_vocabulary, make_servable
from common.interruption import INTERRUPTED
from common.seals import lacks_evaluation, run_name, step_of
from scores import Tally

if TYPE_CHECKING:
    from torch import nn

BEST = "best"
"""Folder in the checkpoints folder with the model of the best epoch."""
FAILURE = 1024
"""Characters of a failure message that SageMaker shows."""


class StructureTrainer(Trainer):
    """The Hugging Face Trainer, for a model that parallelism.py has distributed already.

    Batches have a bounded number of tokens, figures are counted over residues, and each process writes its part of a
    checkpoint. `data` has the windows of each split.
    """

    def __init__(
        self,
        settings: Arguments,
        run: str,
        data: dict[str, list[records.TrainingWindow]],
        model: networks.StructureModel,
        args: TrainingArguments,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=data["train"], eval_dataset=data["validation"])
        self.settings, self.run, self.data = settings, run, data
        self.meter = callbacks.Meter(self.args.device)
        self.remove_callback(PrinterCallback)
        self.add_callback(callbacks.ProgressLines(self.meter))
        self.add_callback(callbacks.Best(settings.checkpoints / BEST, run, "eval_q3", settings.patience))

    def _move_model_to_device(self, model: nn.Module, device: torch.device) -> None:
        """Do nothing: the model is on its device already, and offloaded parameters must stay on the CPU."""

    def _wrap_model(self, _model: nn.Module, *_: object, **__: object) -> nn.Module:
        return parallelism.wrap(self.model, self.settings.profile)

    def compute_loss_context_manager(self) -> contextlib.AbstractContextManager:
        """Return the autocast to bf16 if the precision is bf16. FSDP does the conversion itself."""
        is_half = parallelism.select_precision(self.settings.precision) == "bf16"
        is_sharded = self.settings.profile in parallelism.SHARDED
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=is_half and not is_sharded)

    def _make_loader(self, windows: list[records.TrainingWindow], seed: int | None) -> batches.Loader:
        tokens = self.settings.tokens_per_batch
        return batches.make_loader(windows, self.model, tokens, seed, dist.get_rank(), dist.get_world_size())

    def get_train_dataloader(self) -> batches.Loader:
        """Return the shuffled batches of the training data."""
        return self._make_loader(self.train_dataset, self.settings.seed)

    def get_eval_dataloader(self, eval_dataset: list[records.TrainingWindow] | None = None) -> batches.Loader:
        """Return the batches of a data set, by default the validation data, in the order of lengths."""
        return self._make_loader(eval_dataset or self.eval_dataset, None)

    def training_step(self, model: nn.Module, inputs: dict[str, torch.Tensor], *rest: object) -> torch.Tensor:
        """Run a step, and count its tokens."""
        self.meter.add(inputs["attention_mask"])
        return super().training_step(model, inputs, *rest)

    @torch.no_grad()
    def evaluation_loop(
        self, dataloader: batches.Loader, *_: object, metric_key_prefix: str = "eval", **__: object
    ) -> EvalLoopOutput:
        """Return the figures of a data set.

        Each process counts its share and the counts are summed, which is exact and gathers no logits.
        """
        self.model.eval()
        proteins = 1 + max(window.protein for window in dataloader.dataset)
        tally = Tally(self.model.classes, proteins, self.args.device)
        for batch in dataloader:
            inputs = self._prepare_inputs(batch)
            with self.compute_loss_context_manager():
                logits = self.model(inputs["input_ids"], inputs["attention_mask"])["logits"]
            tally.add(logits, inputs["labels"], inputs["proteins"])
        dist.all_reduce(tally.sums)
        figures = {f"{metric_key_prefix}_{name}": value for name, value in tally.figures().items()}
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=figures, num_samples=proteins)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Do nothing: the weights are written together with the optimizer's state."""

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        sharded_checkpoints.write(Path(output_dir), self.model, self.optimizer.optimizer)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / "scheduler.pt")

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        super()._save_checkpoint(model, trial)
        sharded_checkpoints.seal(self.settings.checkpoints / f"checkpoint-{self.state.global_step}", self.run)
        sharded_checkpoints.prune(self.settings.checkpoints, keep=2)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Do nothing: the weights are read with the optimizer's state, once the optimizer exists."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            sharded_checkpoints.read(Path(checkpoint), self.model, self.optimizer.optimizer)
            self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / "scheduler.pt", weights_only=True))


def training_arguments(args: Arguments, steps: int) -> TrainingArguments:
    """Return the Trainer's arguments: warm-up over a tenth of the steps, then cosine decay to 0.

    The model is evaluated and saved after each epoch.
    """
    return TrainingArguments(
        output_dir=str(args.checkpoints),
        seed=args.seed,
        num_train_epochs=args.epochs,
        learning_rate=args.learning_rate,
        gradient_accumulation_steps=args.accumulate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, steps // 10),
        weight_decay=0.01,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        logging_nan_inf_filter=False,  # a loss of nan must be visible
        logging_steps=max(1, steps // 100),
        eval_strategy="epoch",
        save_strategy="epoch",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        ddp_backend=None if torch.cuda.is_available() else "gloo",
    )


def new_model(args: Arguments) -> networks.StructureModel:
    """Return a model with a pre-trained or a new encoder, and a head that is not trained yet.

    For ProtBERT also write vocab.txt to the model folder.
    """
    if args.start_from is None or args.model == alphabet.OWN:
        residues = alphabet.own_alphabet()
        encoder = encoders.new_encoder(residues.size)
    else:
        with weights.open_weights(args.start_from) as folder:
            residues = alphabet.read_alphabet(args.model, folder)
            encoder = encoders.load_pretrained(args.model, folder)
            if args.model == alphabet.BERT and dist.get_rank() == 0:
                copy_vocabulary(folder, args.model_dir)
    classes = networks.CLASSES[args.task]
    description = networks.Description(args.model, args.task, classes, args.head, args.max_length, residues)
    return networks.new_model(encoder, description)


def new_trainer(
    args: Arguments, model: networks.StructureModel, data: dict[str, list[records.Protein]], run: str
) -> StructureTrainer:
    """Return the trainer of a model on the proteins of each split."""
    windows = {split: records.cut_windows(proteins, model.longest) for split, proteins in data.items()}
    epoch = batches.make_loader(windows["train"], model, args.tokens_per_batch, args.seed, 0, dist.get_world_size())
    steps = args.epochs * -(-len(epoch) // args.accumulate)
    return StructureTrainer(args, run, windows, model, training_arguments(args, steps))


def fit(trainer: StructureTrainer, interruption: callbacks.Interruption) -> bool:
    """Train, from the last complete checkpoint if there is one. Return False if the training was interrupted."""
    trainer.add_callback(interruption)
    checkpoint = sharded_checkpoints.find_latest(trainer.settings.checkpoints, trainer.run)
    if checkpoint:
        callbacks.print_line("resume", step=step_of(checkpoint))
        trainer.args.eval_on_start = lacks_evaluation(checkpoint, "eval_q3")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return not interruption.stopped


def evaluate_best(trainer: StructureTrainer) -> dict[str, float]:
    """Load the best epoch, and return its figures on the test and validation proteins, without those that are nan."""
    if best := sharded_checkpoints.find_latest(trainer.settings.checkpoints / BEST, trainer.run):
        sharded_checkpoints.read(best, trainer.model)
    figures = trainer.evaluate(trainer.data["test"], metric_key_prefix="test")
    figures |= trainer.evaluation_loop(trainer.get_eval_dataloader(), "", metric_key_prefix="validation").metrics
    speed = ("_runtime", "_per_second")
    names = [name for name in sorted(figures) if name.startswith(("test_", "validation_")) and not name.endswith(speed)]
    return {name: round(figures[name], 5) for name in names if not math.isnan(figures[name])}


def make_card(
    trainer: StructureTrainer, data: dict[str, list[records.Protein]], digest: str, figures: dict[str, float]
) -> dict[str, Any]:
    """Return the content of card.json, the description of the training that the model registry stores."""
    args, settings = trainer.args, trainer.settings.hyperparameters()
    names = ("profile", "activation_checkpointing", "activation_offloading", "accumulate", "tokens_per_batch")
    return {
        "model": trainer.settings.model,
        "task": trainer.settings.task,
        "metrics": figures,
        "data": {"digest": digest, **{split: records.count(proteins) for split, proteins in data.items()}},
        "distribution": {name: settings[name] for name in names} | {"processes": args.world_size},
        "hyperparameters": settings,
        "epochs": round(trainer.state.epoch, 2),
        "steps": trainer.state.global_step,
        "parameters": sum(weight.numel() for weight in trainer.model.parameters()),
        "precision": parallelism.select_precision(trainer.settings.precision),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def write_model(args: Arguments, model: networks.StructureModel, card: dict[str, Any]) -> None:
    """Write the model folder, and the card to the output folder as well. Every process must call it."""
    state = parallelism.merge_weights(model)
    if dist.get_rank() == 0:
        networks.save(model, args.model_dir, state)
        args.output_dir.mkdir(parents=True, exist_ok=True)
        for folder in {args.model_dir, args.output_dir}:
            (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
        make_servable(args.model_dir, Path(__file__))


def run(args: Arguments, interruption: callbacks.Interruption) -> int:
    """Train, evaluate and write the model. Return the exit status: 0, or INTERRUPTED."""
    began = time.monotonic()
    transformers.set_seed(args.seed)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    data, digest = records.read_splits(args.data, networks.CLASSES[args.task]), records.digest(args.data)
    model = new_model(args)
    parallelism.prepare(model, args)
    name = run_name(args.hyperparameters(), digest, dist.get_world_size())
    trainer = new_trainer(args, model, data, name)
    if not fit(trainer, interruption):
        return INTERRUPTED
    card = make_card(trainer, data, digest, evaluate_best(trainer))
    write_model(args, model, card | {"seconds": round(time.monotonic() - began)})
    return 0


def report_failure(error: Exception) -> None:
    """Write the reason to the file from which SageMaker reads it.

    An existing file is kept, because the first process that fails reports the cause.
    """
    folder = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
    if folder.is_dir():
        with contextlib.suppress(OSError), (folder / "failure").open("x") as handle:
            handle.write(f"{type(error).__name__}: {error}"[:FAILURE])


def main(argv: list[str] | None = None) -> int:
    """Run a training, and return the exit status. Report an exception with `report_failure`, and raise it again."""
    interruption = callbacks.Interruption()
    interruption.listen()
    try:
        args = arguments.parse(__doc__, argv)
        with parallelism.process_group(args.profile):
            return run(args, interruption)
    except Exception as error:
        report_failure(error)
        raise


if __name__ == "__main__":
    status = main()
    # Everything is written. gloo's threads sometimes abort a process while the interpreter shuts down, and torchrun
    # would report the training as failed.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
