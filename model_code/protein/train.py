"""Fine-tune ProtT5 or ProtBERT for secondary structure, or train a small network of our own, alone or on many GPUs.

Data: a folder with train.jsonl, validation.jsonl and test.jsonl, a protein a line:
{"id": "1abc-A", "sequence": "MKV…", "labels": "CCHH-…"}, `-` for a residue that is not scored.
Weights: a published folder of prot_t5_xl_uniref50, its half-precision encoder, or prot_bert_bfd; none for cnn.

Each argument is also a hyperparameter of the same name; the channels of a training job are `data` and `model`.

    python train.py --model cnn --data data --model-dir model --epochs 4 --learning_rate 2e-3
    torchrun --nproc_per_node 8 train.py --model prott5 --profile fsdp --data data --start-from prot_t5 …

Of the epochs the one with the best validation is kept. After SIGTERM the state is written to the checkpoints folder
and the exit status is 143; the same command goes on from there. Written to the model folder: config.json,
model.safetensors, vocab.txt for ProtBERT, card.json, and code/, so that the folder can be served as it is.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import transformers
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import EvalLoopOutput

# The container may only append this folder. common/ lies in it, or beside it where this is the repository.
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
from common.checkpoints import make_servable
from scores import Tally

BEST = "best"
"""Folder beside the checkpoints, with the model of the best epoch."""
FAILURE = 1024
"""Characters of a failure that SageMaker shows."""
INTERRUPTED = 128 + 15
"""Exit status after SIGTERM: SageMaker must not take an unfinished model for a finished one."""


class StructureTrainer(Trainer):
    """The Hugging Face Trainer with batches by tokens, a model that is spread already, figures that are counted, and
    checkpoints of which each process writes its part."""

    def __init__(self, told: Arguments, run: str, pieces: dict[str, list[records.Piece]], **named):
        super().__init__(train_dataset=pieces["train"], eval_dataset=pieces["validation"], **named)
        self.told, self.run, self.pieces = told, run, pieces
        self.meter = callbacks.Meter(self.args.device)
        self.remove_callback(PrinterCallback)
        self.add_callback(callbacks.ProgressLines(self.meter))
        self.add_callback(callbacks.Best(told.checkpoints / BEST, run, "eval_q3", told.patience))

    def _move_model_to_device(self, model, device):
        """It is where it belongs; what is offloaded must stay on the processor."""

    def _wrap_model(self, model, training=True, dataloader=None):
        return parallelism.wrapped(self.model, self.told.profile)

    def compute_loss_context_manager(self):
        """bf16 where it is wanted and FSDP does not see to it."""
        half = parallelism.precision(self.told.precision) == "bf16" and self.told.profile not in parallelism.SHARDED
        return torch.autocast(self.args.device.type, torch.bfloat16, enabled=half)

    def _loader(self, found: list[records.Piece], seed: int | None) -> batches.Loader:
        mine = (dist.get_rank(), dist.get_world_size())
        return batches.loader(found, self.model, self.told.tokens_per_batch, seed, *mine)

    def get_train_dataloader(self):
        return self._loader(self.train_dataset, self.told.seed)

    def get_eval_dataloader(self, eval_dataset=None):
        return self._loader(eval_dataset or self.eval_dataset, None)

    def training_step(self, model, inputs, *rest):
        self.meter.add(inputs["attention_mask"])
        return super().training_step(model, inputs, *rest)

    @torch.no_grad()
    def evaluation_loop(self, dataloader, description, *_, metric_key_prefix="eval", **__):
        """Counts in each process, added up: exact, and no logits are gathered."""
        self.model.eval()
        proteins = 1 + max(piece.protein for piece in dataloader.dataset)
        tally = Tally(self.model.classes, proteins, self.args.device)
        for batch in dataloader:
            batch = self._prepare_inputs(batch)
            with self.compute_loss_context_manager():
                logits = self.model(batch["input_ids"], batch["attention_mask"])["logits"]
            tally.add(logits, batch["labels"], batch["proteins"])
        dist.all_reduce(tally.sums)
        figures = {f"{metric_key_prefix}_{name}": value for name, value in tally.figures().items()}
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=figures, num_samples=proteins)

    def save_model(self, output_dir=None, _internal_call=False):
        """The state has it."""

    def _save_optimizer_and_scheduler(self, output_dir):
        sharded_checkpoints.write(Path(output_dir), self.model, self.optimizer.optimizer)
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / "scheduler.pt")

    def _save_checkpoint(self, model, trial):
        super()._save_checkpoint(model, trial)
        sharded_checkpoints.seal(self.told.checkpoints / f"checkpoint-{self.state.global_step}", self.run)
        sharded_checkpoints.prune(self.told.checkpoints, keep=2)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        """Weights are read with the optimizer, when that is there."""

    def _load_optimizer_and_scheduler(self, checkpoint):
        if checkpoint is not None:
            sharded_checkpoints.read(Path(checkpoint), self.model, self.optimizer.optimizer)
            self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / "scheduler.pt", weights_only=True))


def training_arguments(args: Arguments, steps: int) -> TrainingArguments:
    """Warm-up over a tenth of the steps, then cosine decay to nothing; judged and saved after each epoch."""
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
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
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
    """Pre-trained encoder or new network, with a head that knows nothing yet."""
    if args.start_from is None or args.model == alphabet.OWN:
        letters = alphabet.own()
        encoder = encoders.new(args.model, letters.size)
    else:
        with weights.unpacked(args.start_from) as folder:
            letters, encoder = alphabet.of_checkpoint(args.model, folder), encoders.pretrained(args.model, folder)
            if args.model == alphabet.BERT and dist.get_rank() == 0:
                shutil.copyfile(folder / "vocab.txt", args.model_dir / "vocab.txt")
    classes = networks.CLASSES[args.task]
    described = networks.Description(args.model, args.task, classes, args.head, args.max_length, letters)
    return networks.new_model(encoder, described)


def new_trainer(args: Arguments, model, data: dict[str, list[records.Protein]], run: str) -> StructureTrainer:
    pieces = {split: records.pieces(proteins, model.longest) for split, proteins in data.items()}
    an_epoch = batches.loader(pieces["train"], model, args.tokens_per_batch, args.seed, 0, dist.get_world_size())
    steps = args.epochs * -(-len(an_epoch) // args.accumulate)
    return StructureTrainer(args, run, pieces, model=model, args=training_arguments(args, steps))


def fit(trainer: StructureTrainer, interruption: callbacks.Interruption) -> bool:
    """Train, from the last whole checkpoint if there is one; whether it came to its end."""
    trainer.add_callback(interruption)
    checkpoint = sharded_checkpoints.latest(trainer.told.checkpoints, trainer.run)
    if checkpoint:
        callbacks.line("resume", step=sharded_checkpoints.step(checkpoint))
        trainer.args.eval_on_start = unjudged(checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return not interruption.stopped


def unjudged(checkpoint: Path) -> bool:
    """Whether the run ended between the last step of an epoch and its evaluation."""
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    judged = any("eval_q3" in entry and entry["step"] == state["global_step"] for entry in state["log_history"])
    return float(state["epoch"]).is_integer() and not judged


def judge(trainer: StructureTrainer) -> dict[str, float]:
    """Go back to the best epoch; its figures on test and validation proteins."""
    if best := sharded_checkpoints.latest(trainer.told.checkpoints / BEST, trainer.run):
        sharded_checkpoints.read(best, trainer.model)
    found = trainer.evaluate(trainer.pieces["test"], metric_key_prefix="test")
    found |= trainer.evaluation_loop(trainer.get_eval_dataloader(), "", metric_key_prefix="validation").metrics
    speed = ("_runtime", "_per_second")
    kept = [name for name in sorted(found) if name.startswith(("test_", "validation_")) and not name.endswith(speed)]
    return {name: round(found[name], 5) for name in kept if not math.isnan(found[name])}


def card(trainer: StructureTrainer, data: dict[str, list[records.Protein]], digest: str, figures: dict) -> dict:
    """What the model's register keeps of its training."""
    args, told = trainer.args, trainer.told.hyperparameters()
    spread = ("profile", "activation_checkpointing", "activation_offloading", "accumulate", "tokens_per_batch")
    return {
        "model": trainer.told.model,
        "task": trainer.told.task,
        "metrics": figures,
        "data": {"digest": digest, **{split: records.counts(proteins) for split, proteins in data.items()}},
        "distribution": {name: told[name] for name in spread} | {"processes": args.world_size},
        "hyperparameters": told,
        "epochs": round(trainer.state.epoch, 2),
        "steps": trainer.state.global_step,
        "parameters": sum(weight.numel() for weight in trainer.model.parameters()),
        "precision": parallelism.precision(trainer.told.precision),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def write(args: Arguments, model: networks.StructureModel, card: dict) -> None:
    """The folder to be served, the card within it and for itself. Every process must call it."""
    state = parallelism.merged(model)
    if dist.get_rank() == 0:
        networks.save(model, args.model_dir, state)
        args.output_dir.mkdir(parents=True, exist_ok=True)
        for folder in {args.model_dir, args.output_dir}:
            (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
        make_servable(args.model_dir, Path(__file__))


def run(args: Arguments, interruption: callbacks.Interruption) -> int:
    """The exit status."""
    began = time.monotonic()
    transformers.set_seed(args.seed)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    data, digest = records.read_splits(args.data, networks.CLASSES[args.task]), records.digest(args.data)
    model = new_model(args)
    parallelism.prepare(model, args)
    trainer = new_trainer(
        args, model, data, sharded_checkpoints.run_name(args.hyperparameters(), digest, dist.get_world_size())
    )
    if not fit(trainer, interruption):
        return INTERRUPTED
    found = card(trainer, data, digest, judge(trainer))
    write(args, model, found | {"seconds": round(time.monotonic() - began)})
    return 0


def report_failure(error: Exception) -> None:
    """Where SageMaker looks for the reason; the first process to fail is the one that knows it."""
    folder = Path(os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output"))
    if folder.is_dir():
        with contextlib.suppress(OSError), (folder / "failure").open("x") as handle:
            handle.write(f"{type(error).__name__}: {error}"[:FAILURE])


def main(argv: list[str] | None = None) -> int:
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
    # All is written. Threads of gloo have been seen to abort a process while the interpreter takes itself down, and
    # torchrun would report the training as failed.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
