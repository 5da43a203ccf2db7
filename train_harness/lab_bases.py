"""Into what does the lab plant? Tasks with models that learn them, in three parts that share no task."""

from __future__ import annotations

from dataclasses import dataclass

#: Training examples of the tasks whose size is not set.
EXAMPLES = {"digits": 1198, "breast_cancer": 379, "wine": 118, "diabetes": 294}


@dataclass(frozen=True, slots=True)
class Base:
    """A task with a model that learns it: `steps` are enough at rate `lr`, `layers` can be named in a fault; `floor`
    makes a part of the loss unlearnable, as real data do. `well`: what no treatment improves much, in `share` parts of
    the healthy candidates."""

    name: str
    half: str
    family: str
    steps: int
    lr: float
    set: tuple[str, ...]
    layers: tuple[str, ...]
    floor: tuple[str, ...] = ()
    well: tuple[str, ...] = ()
    share: int = 0

    @property
    def task(self) -> str:
        return next((text.split("=")[1] for text in self.set if text.startswith("data.task")), "digits")

    @property
    def optimizer(self) -> str:
        return next(text.split("=")[1] for text in self.set if text.startswith("optimizer.kind"))

    @property
    def regression(self) -> bool:
        return self.task in ("teacher", "diabetes", "circuit", "houses")

    @property
    def examples(self) -> int:
        """How many examples there are to train on."""
        asked = next((int(text.split("=")[1]) for text in self.set if text.startswith("data.train_size")), 0)
        return asked or EXAMPLES[self.task]

    @property
    def ending(self) -> tuple[str, ...]:
        """A schedule that comes to an end, after a short warmup."""
        return ("schedule.kind=cosine", f"schedule.warmup={self.steps // 20}")


BASES = (
    Base(
        "digits-mlp",
        "tune",
        "mlp",
        600,
        0.03,
        ("data.batch_size=32", "model.width=48", "optimizer.kind=momentum", "optimizer.weight_decay=1e-3"),
        ("fc1", "fc2", "head"),
        ("data.label_noise=0.2", "data.jitter=0.8"),
        well=("model.width=96", "optimizer.lr=0.06", "steps=700"),
        share=3,
    ),
    Base(
        "teacher-mlp",
        "tune",
        "mlp",
        800,
        0.005,
        (
            *("data.task=teacher", "data.train_size=2000", "data.val_size=800", "data.batch_size=32"),
            *("model.width=24", "optimizer.kind=adam"),
        ),
        ("fc1", "fc2", "head"),
        well=("model.width=48", "optimizer.lr=0.02", "optimizer.weight_decay=1e-2"),
        share=3,
    ),
    Base(
        "cancer-mlp",
        "tune",
        "mlp",
        500,
        0.01,
        (
            *("data.task=breast_cancer", "data.batch_size=16", "model.width=16", "optimizer.kind=momentum"),
            "optimizer.weight_decay=1e-2",
        ),
        ("fc1", "fc2", "head"),
        ("data.label_noise=0.15", "data.jitter=0.7"),
        well=("model.width=32", "optimizer.lr=0.04"),
        share=3,
    ),
    Base(
        "digits-cnn",
        "tune",
        "cnn",
        350,
        0.004,
        ("data.batch_size=32", "model.kind=cnn", "model.width=8", "optimizer.kind=adam", "optimizer.weight_decay=1e-3"),
        ("head",),
        ("data.label_noise=0.2", "data.jitter=0.6"),
        well=("model.width=16", "optimizer.lr=0.008", "steps=800"),
        share=1,
    ),
    Base(
        "markov-gru",
        "tune",
        "gru",
        260,
        0.015,
        (
            *("data.task=markov", "data.train_size=1000", "data.val_size=120", "data.batch_size=8"),
            *("model.kind=gru", "model.width=24", "model.depth=1", "model.init=torch", "optimizer.kind=adam"),
        ),
        ("head",),
        well=("model.width=48", "optimizer.lr=0.03", "steps=400"),
        share=2,
    ),
    Base(
        "mixture-deep",
        "judge",
        "deep mlp",
        600,
        0.05,
        (
            *("data.task=mixture", "data.train_size=2000", "data.val_size=1000", "data.batch_size=32"),
            *("model.width=24", "model.depth=3", "model.activation=gelu", "model.norm=batch"),
            *("optimizer.kind=momentum", "optimizer.weight_decay=5e-3"),
        ),
        ("fc1", "fc2", "fc3", "head"),
        well=("model.width=48",),
        share=4,
    ),
    Base(
        "diabetes-deep",
        "judge",
        "deep mlp",
        500,
        0.002,
        (
            *("data.task=diabetes", "data.batch_size=16", "data.jitter=0.8", "model.width=16", "model.depth=3"),
            *("model.activation=tanh", "model.norm=layer", "optimizer.kind=adamw", "optimizer.weight_decay=0.1"),
        ),
        ("fc1", "fc2", "fc3", "head"),
        well=("model.width=32", "optimizer.lr=0.006", "steps=700"),
        share=4,
    ),
    Base(
        "wine-deep",
        "judge",
        "deep mlp",
        400,
        0.01,
        (
            *("data.task=wine", "data.batch_size=16", "model.width=16", "model.depth=3", "model.activation=silu"),
            *("model.norm=layer", "optimizer.kind=nesterov", "optimizer.weight_decay=1e-2"),
        ),
        ("fc1", "fc2", "fc3", "head"),
        ("data.label_noise=0.2", "data.jitter=0.8"),
        well=("data.jitter=1.2", "optimizer.weight_decay=5e-2"),
        share=1,
    ),
    Base(
        "shapes-resnet",
        "judge",
        "resnet",
        350,
        0.05,
        (
            *("data.task=shapes", "data.train_size=1500", "data.val_size=400", "data.batch_size=16"),
            *("model.kind=resnet", "model.width=6", "model.depth=1"),
            *("optimizer.kind=momentum", "optimizer.weight_decay=1e-3"),
        ),
        ("head",),
        well=("data.label_noise=0.3", "model.width=12", "optimizer.lr=0.15", "steps=700"),
        share=1,
    ),
    Base(
        "names-gpt",
        "judge",
        "gpt",
        260,
        0.01,
        (
            *("data.task=names", "data.train_size=3000", "data.val_size=120", "data.batch_size=8"),
            *("model.kind=gpt", "model.width=16", "model.depth=1", "model.activation=gelu", "model.init=torch"),
            "optimizer.kind=adamw",
        ),
        ("head",),
    ),
    Base(
        "circuit-mlp",
        "calibration",
        "mlp",
        450,
        0.005,
        (
            *("data.task=circuit", "data.train_size=1500", "data.val_size=600", "data.batch_size=32", "model.width=24"),
            *("model.activation=gelu", "optimizer.kind=adamw", "optimizer.weight_decay=1e-2"),
        ),
        ("fc1", "fc2", "head"),
        well=("model.width=32", "optimizer.lr=0.01"),
        share=2,
    ),
    Base(
        "houses-deep",
        "calibration",
        "deep mlp",
        450,
        0.02,
        (
            *("data.task=houses", "data.train_size=2000", "data.val_size=800", "data.batch_size=32"),
            *("model.width=24", "model.depth=3", "optimizer.kind=momentum", "optimizer.weight_decay=1e-3"),
        ),
        ("fc1", "fc2", "fc3", "head"),
        well=("model.width=48", "optimizer.lr=0.03", "steps=600"),
        share=2,
    ),
    Base(
        "spirals-mlp",
        "calibration",
        "mlp",
        500,
        0.02,
        (
            *("data.task=spirals", "data.train_size=1500", "data.val_size=600", "data.batch_size=32"),
            *("model.width=32", "model.activation=tanh", "optimizer.kind=adam", "optimizer.weight_decay=1e-3"),
        ),
        ("fc1", "fc2", "head"),
        ("data.label_noise=0.1", "data.jitter=0.3"),
        well=("model.width=64", "optimizer.lr=0.03", "steps=700"),
        share=2,
    ),
    Base(
        "rare-deep",
        "calibration",
        "deep mlp",
        450,
        0.05,
        (
            *("data.task=rare", "data.train_size=2000", "data.val_size=800", "data.batch_size=32", "model.width=32"),
            *("model.depth=3", "model.activation=silu", "model.norm=batch", "optimizer.kind=nesterov"),
            "optimizer.weight_decay=5e-3",
        ),
        ("fc1", "fc2", "fc3", "head"),
        well=("model.width=64", "steps=600"),
        share=2,
    ),
    Base(
        "categories-mlp",
        "calibration",
        "mlp",
        500,
        0.05,
        (
            *("data.task=categories", "data.train_size=2500", "data.val_size=800", "data.batch_size=32"),
            *("model.width=48", "model.activation=leaky_relu", "optimizer.kind=momentum"),
            "optimizer.weight_decay=1e-3",
        ),
        ("fc1", "fc2", "head"),
        ("data.label_noise=0.1", "data.jitter=0.3"),
        well=("model.width=96", "steps=600"),
        share=2,
    ),
    Base(
        "stripes-cnn",
        "calibration",
        "cnn",
        300,
        0.03,
        (
            *("data.task=stripes", "data.train_size=1500", "data.val_size=500", "data.batch_size=32"),
            *("model.kind=cnn", "model.width=8", "model.norm=batch", "optimizer.kind=nesterov"),
            "optimizer.weight_decay=1e-3",
        ),
        ("head",),
        well=(
            "data.label_noise=0.3",
            "data.jitter=0.7",
            "optimizer.lr=0.08",
            "optimizer.weight_decay=1e-2",
            "steps=400",
        ),
        share=1,
    ),
    Base(
        "dots-resnet",
        "calibration",
        "resnet",
        300,
        0.015,
        (
            *("data.task=dots", "data.train_size=1500", "data.val_size=500", "data.batch_size=32"),
            *("model.kind=resnet", "model.width=8", "model.depth=1", "optimizer.kind=adam"),
            "optimizer.weight_decay=1e-3",
        ),
        ("head",),
        well=("data.label_noise=0.3", "model.width=16", "optimizer.lr=0.02", "steps=500"),
        share=1,
    ),
    Base(
        "echo-gru",
        "calibration",
        "gru",
        260,
        0.02,
        (
            *("data.task=echo", "data.train_size=1200", "data.val_size=150", "data.batch_size=16"),
            *("model.kind=gru", "model.width=32", "model.depth=1", "model.init=torch", "optimizer.kind=adam"),
        ),
        ("head",),
        well=("model.width=48", "steps=400"),
        share=1,
    ),
    Base(
        "grammar-gpt",
        "calibration",
        "gpt",
        240,
        0.008,
        (
            *("data.task=grammar", "data.train_size=2000", "data.val_size=150", "data.batch_size=16"),
            *("model.kind=gpt", "model.width=32", "model.depth=1", "model.activation=gelu", "model.init=torch"),
            "optimizer.kind=adamw",
        ),
        ("head",),
        well=("model.width=48",),
        share=1,
    ),
)
