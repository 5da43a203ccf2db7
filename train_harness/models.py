"""Which network learns: MLP, small CNN, ResNet with batch norm, GRU and a tiny GPT, and how their weights begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .recipe import Model
from .tasks import Task

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def build_model(model: Model, task: Task) -> nn.Module:
    """The network of a recipe with fresh weights; draws from torch's global generator."""
    language = task.kind == "language"
    if language != (model.kind in ("gru", "gpt")):
        fits = "gru or gpt" if language else "mlp, cnn or resnet"
        raise ValueError(f"model.kind = {model.kind!r} does not fit this task ({task.kind}): take {fits}")
    if model.kind in ("cnn", "resnet") and task.x_train.ndim != 4:
        raise ValueError(
            f"model.kind = {model.kind!r} needs images; the inputs have shape {tuple(task.x_train.shape[1:])}"
        )
    if model.kind == "gpt" and model.width % 16:
        raise ValueError(f"model.width = {model.width} must be a multiple of 16 for a gpt, whose heads are 16 wide")
    network = MODELS[model.kind](model, task)
    initialize(network, model.init)
    return network


def initialize(network: nn.Module, init: str) -> None:
    """Draws every weight matrix and kernel anew; biases and norms keep torch's own start."""
    if init == "torch":
        return
    for _, weight in weight_matrices(network):
        INITS[init](weight)


def weight_matrices(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The weights of two dimensions or more, by the name of their layer; biases and norms are left out."""
    return [(name.removesuffix(".weight"), p) for name, p in network.named_parameters() if p.ndim >= 2]


class MLP(nn.Module):
    """fc1 .. fcN, each with activation and dropout, then head."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        size = task.x_train[0].numel()
        layers: list[tuple[str, nn.Module]] = []
        for i in range(1, model.depth + 1):
            layers += [(f"fc{i}", nn.Linear(size, model.width)), (f"act{i}", ACTIVATIONS[model.activation]())]
            layers += [(f"drop{i}", nn.Dropout(model.dropout))] if model.dropout else []
            size = model.width
        layers.append(("head", nn.Linear(size, task.outputs)))
        for name, layer in layers:
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer in self.children():
            x = layer(x)
        return x


class CNN(nn.Module):
    """conv1 .. convN of 3x3, the first two each followed by 2x2 pooling, then dropout and head."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        channels = task.x_train.shape[1]
        for i in range(1, model.depth + 1):
            self.add_module(f"conv{i}", nn.Conv2d(channels, model.width, 3, padding=1))
            self.add_module(f"act{i}", ACTIVATIONS[model.activation]())
            if i <= 2:
                self.add_module(f"pool{i}", nn.MaxPool2d(2))
            channels = model.width
        self.add_module("flat", nn.Flatten())
        self.add_module("drop", nn.Dropout(model.dropout))
        side = [s // 2 ** min(model.depth, 2) for s in task.x_train.shape[2:]]
        self.add_module("head", nn.Linear(channels * side[0] * side[1], task.outputs))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class ResBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and a shortcut (He et al., 2016)."""

    def __init__(self, width: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.act1, self.act2 = activation(), activation()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        out: Tensor = self.act2(x + inner)
        return out


class ResNet(nn.Module):
    """A stem, `depth` residual blocks, the mean over the image, head."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        activation = ACTIVATIONS[model.activation]
        self.stem = nn.Conv2d(task.x_train.shape[1], model.width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(model.width)
        self.blocks = nn.ModuleList(ResBlock(model.width, activation) for _ in range(model.depth))
        self.drop = nn.Dropout(model.dropout)
        self.head = nn.Linear(model.width, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.drop(x.mean(dim=(2, 3))))
        return out


class GRU(nn.Module):
    """Embedding, `depth` recurrent layers, head; one prediction per character."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        self.embed = nn.Embedding(task.outputs, model.width)
        self.gru = nn.GRU(model.width, model.width, model.depth, batch_first=True, dropout=model.dropout)
        self.head = nn.Linear(model.width, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(self.embed(x))[0])
        return out


class Block(nn.Module):
    """Pre-norm causal self-attention and a feed-forward network, each added to its input."""

    def __init__(self, width: int, dropout: float, activation: type[nn.Module]) -> None:
        super().__init__()
        self.heads = width // 16
        self.norm1, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.act, self.drop = activation(), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.drop(self.out(attended.transpose(1, 2).reshape(batch, time, width)))
        out: Tensor = x + self.drop(self.down(self.act(self.up(self.norm2(x)))))
        return out


class GPT(nn.Module):
    """A decoder-only transformer with learned positions and heads of 16, so that `width` is a multiple of 16."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        self.embed = nn.Embedding(task.outputs, model.width)
        self.position = nn.Embedding(task.x_train.shape[1], model.width)
        activation = ACTIVATIONS[model.activation]
        self.blocks = nn.ModuleList(Block(model.width, model.dropout, activation) for _ in range(model.depth))
        self.norm = nn.LayerNorm(model.width)
        self.head = nn.Linear(model.width, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.position.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.norm(x))
        return out


MODELS: Mapping[str, Callable[[Model, Task], nn.Module]] = {
    "mlp": MLP,
    "cnn": CNN,
    "resnet": ResNet,
    "gru": GRU,
    "gpt": GPT,
}


def _kaiming(weight: Tensor) -> Tensor:
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


def _scaled(scale: float) -> Callable[[Tensor], Tensor]:
    """Kaiming's start times `scale`: everything right except the size."""

    def init(weight: Tensor) -> Tensor:
        with torch.no_grad():
            return _kaiming(weight).mul_(scale)

    return init


#: How the weights begin; "torch" leaves every layer as torch built it. Zero, tiny and huge are faults.
INITS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "torch": torch.clone,
    "kaiming": _kaiming,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "normal": lambda weight: nn.init.normal_(weight, std=0.02),
    "zero": nn.init.zeros_,
    "tiny": _scaled(0.1),
    "huge": _scaled(10.0),
}
