"""Which network learns: MLP, small CNN, ResNet, RNN, GRU and a tiny GPT, and how their weights begin."""

from __future__ import annotations

import pickle
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
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

#: What can stand before an activation; "" is what the kind has by itself (resnet: batch, gpt: layer, others: none).
NORMS = ("", "none", "batch", "layer")


def build_model(model: Model, task: Task) -> nn.Module:
    """The network of a recipe with fresh weights; draws from torch's global generator."""
    language = task.kind == "language"
    if language != (model.kind in ("rnn", "gru", "gpt")):
        fits = "rnn, gru or gpt" if language else "mlp, cnn or resnet"
        raise ValueError(f"model.kind = {model.kind!r} does not fit this task ({task.kind}): take {fits}")
    if model.kind in ("cnn", "resnet") and task.x_train.ndim != 4:
        raise ValueError(
            f"model.kind = {model.kind!r} needs images; the inputs have shape {tuple(task.x_train.shape[1:])}"
        )
    if model.kind == "gpt" and model.width % 16:
        raise ValueError(f"model.width = {model.width} must be a multiple of 16 for a gpt, whose heads are 16 wide")
    for key, kinds in _ONLY_FOR.items():
        if getattr(model, key) and model.kind not in kinds:
            raise ValueError(f"model.{key} does nothing in a {model.kind}; it is for {' and '.join(kinds)}")
    if model.kind == "gpt" and model.norm == "batch":
        raise ValueError("model.norm = 'batch' would let a gpt see the future: take 'layer' or 'none'")
    if model.kind == "rnn" and model.activation not in ("tanh", "relu"):
        raise ValueError(f"model.activation = {model.activation!r}: an rnn has 'tanh' or 'relu'")
    network = MODELS[model.kind](model, task)
    initialize(network, model.init)
    if model.start:
        load_start(network, model.start)
    return network


_ONLY_FOR = {
    "drop_connect": ("mlp",),
    "drop_path": ("resnet", "gpt"),
    "norm": ("mlp", "cnn", "resnet", "gpt"),
}


def load_start(network: nn.Module, path: str) -> None:
    """Takes over from a weights.pt every tensor whose name and shape agree; the others, as a head for other classes,
    stay fresh. Refuses a file that cannot be read or of which nothing fits."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, pickle.UnpicklingError, RuntimeError) as error:
        raise ValueError(f"model.start = {path!r}: not the weights of a run ({str(error).splitlines()[0]})") from None
    mine = network.state_dict()
    fitting = {name: w for name, w in weights.items() if name in mine and mine[name].shape == w.shape}
    if not fitting:
        raise ValueError(f"model.start = {path!r}: none of its {len(weights)} tensors fits this model")
    network.load_state_dict(fitting, strict=False)


def initialize(network: nn.Module, init: str) -> None:
    """Draws every weight matrix and kernel anew; biases and norms keep torch's own start."""
    if init == "torch":
        return
    for _, weight in weight_matrices(network):
        INITS[init](weight)


def weight_matrices(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The weights of two dimensions or more, by the name of their layer; biases and norms are left out."""
    return [(name.removesuffix(".weight"), p) for name, p in network.named_parameters() if p.ndim >= 2]


class DropConnect(nn.Linear):
    """A linear layer that leaves out a share of its weights at each training step (Wan et al., 2013)."""

    share = 0.0

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, functional.dropout(self.weight, self.share, self.training), self.bias)


class DropPath(nn.Module):
    """Takes away a whole branch, for each example by chance, and scales what stays (stochastic depth)."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.chance:
            return x
        keep = torch.rand((len(x), *[1] * (x.ndim - 1)), device=x.device) >= self.chance
        return x * keep / (1 - self.chance)


def _norm(name: str, channels: int, images: bool) -> nn.Module:
    """The norm over `channels`; layer norm of images is over channels and places (one group)."""
    if name == "batch":
        return nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels)
    if name == "layer":
        return nn.GroupNorm(1, channels) if images else nn.LayerNorm(channels)
    return nn.Identity()


def _drop_path(model: Model, block: int) -> DropPath:
    """The chance grows in a line from block to block (Huang et al., 2016)."""
    return DropPath(model.drop_path * (block + 1) / model.depth)


class MLP(nn.Module):
    """fc1 .. fcN, each with norm, activation and dropout as asked, then head."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        size = task.x_train[0].numel()
        layers: list[tuple[str, nn.Module]] = []
        for i in range(1, model.depth + 1):
            linear = (DropConnect if model.drop_connect else nn.Linear)(size, model.width)
            if isinstance(linear, DropConnect):
                linear.share = model.drop_connect
            layers.append((f"fc{i}", linear))
            if model.norm in ("batch", "layer"):
                layers.append((f"norm{i}", _norm(model.norm, model.width, images=False)))
            layers.append((f"act{i}", ACTIVATIONS[model.activation]()))
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
            if model.norm in ("batch", "layer"):
                self.add_module(f"norm{i}", _norm(model.norm, model.width, images=True))
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
    """Two 3x3 convolutions with norms and a shortcut (He et al., 2016)."""

    def __init__(self, model: Model, block: int) -> None:
        super().__init__()
        width, norm, activation = model.width, model.norm or "batch", ACTIVATIONS[model.activation]
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), _norm(norm, width, images=True)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), _norm(norm, width, images=True)
        self.act1, self.act2, self.path = activation(), activation(), _drop_path(model, block)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        out: Tensor = self.act2(x + self.path(inner))
        return out


class ResNet(nn.Module):
    """A stem, `depth` residual blocks, the mean over the image, head."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        self.stem = nn.Conv2d(task.x_train.shape[1], model.width, 3, stride=2, padding=1, bias=False)
        self.norm = _norm(model.norm or "batch", model.width, images=True)
        self.blocks = nn.ModuleList(ResBlock(model, block) for block in range(model.depth))
        self.drop = nn.Dropout(model.dropout)
        self.head = nn.Linear(model.width, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.head(self.drop(x.mean(dim=(2, 3))))
        return out


class RNN(nn.Module):
    """Embedding, `depth` plain recurrent layers (tanh or ReLU), head; one prediction per character."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        self.embed = nn.Embedding(task.outputs, model.width)
        self.rnn = nn.RNN(model.width, model.width, model.depth, model.activation, batch_first=True)
        self.drop = nn.Dropout(model.dropout)
        self.head = nn.Linear(model.width, task.outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.drop(self.rnn(self.embed(x))[0]))
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

    def __init__(self, model: Model, block: int) -> None:
        super().__init__()
        width, norm = model.width, model.norm or "layer"
        self.heads = width // 16
        self.norm1, self.norm2 = _norm(norm, width, images=False), _norm(norm, width, images=False)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.act, self.drop = ACTIVATIONS[model.activation](), nn.Dropout(model.dropout)
        self.path = _drop_path(model, block)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.path(self.drop(self.out(attended.transpose(1, 2).reshape(batch, time, width))))
        out: Tensor = x + self.path(self.drop(self.down(self.act(self.up(self.norm2(x))))))
        return out


class GPT(nn.Module):
    """A decoder-only transformer with learned positions and heads of 16, so that `width` is a multiple of 16."""

    def __init__(self, model: Model, task: Task) -> None:
        super().__init__()
        self.embed = nn.Embedding(task.outputs, model.width)
        self.position = nn.Embedding(task.x_train.shape[1], model.width)
        self.blocks = nn.ModuleList(Block(model, block) for block in range(model.depth))
        self.norm = _norm(model.norm or "layer", model.width, images=False)
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
    "rnn": RNN,
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
