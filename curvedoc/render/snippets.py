"""Which code carries out a fix? The action of a rule as a few lines for each framework."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from .words import clean, shorten

FRAMEWORKS = ("PyTorch", "Lightning", "Hugging Face", "Keras")
Action = Mapping[str, Any]
Lines = tuple[str, str, str, str]  # one text per framework, in the order of FRAMEWORKS


def snippets(action: Action | None, *, axis: str = "step", lr: float | None = None) -> dict[str, str]:
    """Code by framework, empty for an action without one (looking at data is no code).

    `lr` is the peak of the logged rate: with it the new rate stands there as a number. Every snippet is valid
    Python that assumes the usual names: `model`, `optimizer`, `loss`, `step`. Nothing from a log stands in it
    but numbers and a layer's name as a quoted string.

    >>> print(snippets({"kind": "set_init", "init": "kaiming"})["Keras"])
    layer = keras.layers.Dense(256, activation="relu", kernel_initializer="he_normal")  # in every layer
    """
    made = _KINDS.get(str((action or {}).get("kind")))
    if action is None or made is None:
        return {}
    lines = made({**action, "axis": axis, "lr": lr})
    return {name: text for name, text in zip(FRAMEWORKS, lines, strict=True) if text} if lines else {}


def _number(value: object, default: float) -> float:
    """A finite number, whatever a rule file or a report read back holds."""
    ok = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if ok else default  # type: ignore[arg-type]


def _figure(value: float) -> str:
    """A number as a literal of Python, four figures at most.

    >>> _figure(0.030000000000000002), _figure(1740.85), _figure(1e-5)
    ('0.03', '1741', '1e-05')
    """
    return f"{value:.0f}" if value >= 100 else f"{value:.4g}"


def _scale_lr(a: Action) -> Lines | None:
    factor = _number(a.get("factor"), 0.1)
    times = _figure(factor)
    if a.get("layer"):
        return _layer_rate(str(a["layer"]), times)
    old = _number(a.get("lr"), 0.0)
    new = f"{_figure(old * factor)}  # was {_figure(old)}" if old > 0 else f"{times} * lr  # lr: the rate of this run"
    if "at_step" in a:
        return _cut(_figure(_number(a["at_step"], 0.0)), times, str(a["axis"]))
    clip = _number(a.get("clip_grad_norm"), 0.0)
    warm = _number(a.get("warmup_steps"), 0.0)
    norm, steps = _figure(clip), _figure(warm)
    torch, light, face, keras = f"lr = {new}", f"lr = {new}", f"lr = {new}", f"lr = {new}"
    torch += "\nfor group in optimizer.param_groups:\n    group['lr'] = lr"
    if warm:
        torch += (
            f"\nwarmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters={steps})"
            "\n# after every optimizer.step():\nwarmup.step()"
        )
        keras += f"\nlr = keras.optimizers.schedules.CosineDecay(0.0, 10_000, warmup_target=lr, warmup_steps={steps})"
    if clip:
        torch += (
            "\n# between loss.backward() and optimizer.step():"
            f"\ntorch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={norm})"
        )
    light += "\nmodel = Model(lr=lr)  # where configure_optimizers takes its rate from"
    light += f"\ntrainer = L.Trainer(gradient_clip_val={norm})" if clip else ""
    more = (f", max_grad_norm={norm}" if clip else "") + (f", warmup_steps={steps}" if warm else "")
    face += f'\nargs = TrainingArguments(output_dir="out", learning_rate=lr{more})'
    keras += f"\noptimizer = keras.optimizers.Adam(learning_rate=lr{f', global_clipnorm={norm}' if clip else ''})"
    return torch, light, face, keras


def _layer_rate(layer: str, times: str) -> Lines:
    named = repr(re.sub(r"[^\w./ \[\]-]", "", shorten(clean(layer), 80)))
    groups = (
        "lr = optimizer.param_groups[0]['lr']\n"
        f"own = [p for name, p in model.named_parameters() if name.startswith({named})]\n"
        "rest = [p for p in model.parameters() if not any(p is q for q in own)]\n"
        "optimizer = type(optimizer)([{'params': rest}, {'params': own, 'lr': " + f"{times} * lr" + "}], lr=lr)"
    )
    trainer = groups + "\ntrainer = Trainer(model=model, args=args, optimizers=(optimizer, None))"
    keras = (
        "# Keras has one rate for all layers: scale the whole, and watch this layer's update ratio\n"
        f"model.optimizer.learning_rate = {times} * model.optimizer.learning_rate"
    )
    return groups, "# in configure_optimizers\n" + groups, trainer, keras


def _cut(step: str, times: str, axis: str) -> Lines:
    epochs = axis == "epoch"
    unit, counter = ("epochs", "epoch") if epochs else ("steps", "step")
    torch = (
        f"drop = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[{step}], gamma={times})"
        f"\n# once per {counter}, after optimizer.step(); milestones count {unit}\ndrop.step()"
    )
    light = (
        "# in configure_optimizers\n"
        f"drop = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[{step}], gamma={times})\n"
        f'config = {{"optimizer": optimizer, "lr_scheduler": {{"scheduler": drop, "interval": "{counter}"}}}}'
    )
    face = (
        f"{_STEPS if epochs else ''}at = {step}{' * steps_per_epoch' if epochs else ''}\n"
        f"drop = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 if step < at else {times})\n"
        "trainer = Trainer(model=model, args=args, optimizers=(optimizer, drop))"
    )
    keras = (
        f"{_STEPS if epochs else ''}at = {step}{' * steps_per_epoch' if epochs else ''}\n"
        f"rates = keras.optimizers.schedules.PiecewiseConstantDecay([at], [lr, {times} * lr])\n"
        "optimizer = keras.optimizers.SGD(learning_rate=rates)"
    )
    return torch, light, face, keras


_STEPS = "steps_per_epoch = len(train_set) // batch_size\n"


def _set_schedule(a: Action) -> Lines | None:
    if a.get("schedule", "cosine") != "cosine":
        return None
    return (
        "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_steps)\n"
        "# after every optimizer.step():\nschedule.step()",
        "# in configure_optimizers\n"
        "schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.trainer.estimated_stepping_batches)\n"
        'config = {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}',
        'args = TrainingArguments(output_dir="out", lr_scheduler_type="cosine", warmup_ratio=0.03)',
        "rates = keras.optimizers.schedules.CosineDecay(lr, decay_steps=total_steps)\n"
        "optimizer = keras.optimizers.SGD(learning_rate=rates)",
    )


def _early_stop(a: Action) -> Lines:
    return (
        "# after every validation\n"
        "if val_loss < best:\n"
        "    best, waited = val_loss, 0\n"
        '    torch.save(model.state_dict(), "best.pt")\n'
        "else:\n"
        "    waited += 1\n"
        "stop = waited >= 5  # patience: validations without a new best",
        'stop = EarlyStopping(monitor="val_loss", patience=5)\n'
        'keep = ModelCheckpoint(monitor="val_loss", save_top_k=1)\n'
        "trainer = L.Trainer(callbacks=[stop, keep])",
        "args = TrainingArguments(\n"
        '    output_dir="out", eval_strategy="epoch", save_strategy="epoch",\n'
        '    load_best_model_at_end=True, metric_for_best_model="eval_loss", greater_is_better=False,\n'
        ")\n"
        "trainer = Trainer(model=model, args=args, callbacks=[EarlyStoppingCallback(early_stopping_patience=3)])",
        'stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)\n'
        "model.fit(train, validation_data=val, epochs=100, callbacks=[stop])",
    )


def _regularize(a: Action) -> Lines:
    said = str(a.get("weight_decay", "x10"))
    times = said[1:] if re.fullmatch(r"x\d+(\.\d+)?", said) else "10"
    return (
        f"for group in optimizer.param_groups:\n    group['weight_decay'] = {times} * group['weight_decay'] or 0.01",
        "# in configure_optimizers\noptimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=0.05)",
        'args = TrainingArguments(output_dir="out", weight_decay=0.05)',
        "optimizer = keras.optimizers.AdamW(learning_rate=lr, weight_decay=0.05)",
    )


def _delay_decay(a: Action) -> Lines:
    return _set_schedule({"schedule": "cosine"}) or ("", "", "", "")


def _overfit_check(a: Action) -> Lines:
    n = _figure(_number(a.get("examples"), 10))
    return (
        f"inputs, targets = inputs[:{n}], targets[:{n}]  # one batch of {n} examples, again and again\n"
        "for _ in range(500):\n"
        "    optimizer.zero_grad()\n"
        "    loss = criterion(model(inputs), targets)\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        "print(loss.item())  # near zero, or the code or the model is at fault, not the data",
        "trainer = L.Trainer(overfit_batches=1, max_epochs=500)\ntrainer.fit(model)",
        f"few = train_set.select(range({n}))\n"
        'args = TrainingArguments(output_dir="out", max_steps=500, weight_decay=0.0)\n'
        "Trainer(model=model, args=args, train_dataset=few).train()",
        f"model.fit(x[:{n}], y[:{n}], batch_size={n}, epochs=500)  # the loss must go to zero",
    )


def _label_smoothing(a: Action) -> Lines:
    value = _figure(_number(a.get("value"), 0.1))
    return (
        f"criterion = torch.nn.CrossEntropyLoss(label_smoothing={value})  # for training; validate without",
        f"self.criterion = torch.nn.CrossEntropyLoss(label_smoothing={value})  # in training_step; validate without",
        f'args = TrainingArguments(output_dir="out", label_smoothing_factor={value})',
        f"model.compile(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy(label_smoothing={value}))",
    )


def _scale_width(a: Action) -> Lines:
    by = _figure(_number(a.get("factor"), 2))
    line = f"width = {by} * width  # of every hidden layer; then depth, then longer training"
    return line, line, f"config.hidden_size = {by} * config.hidden_size\nmodel = AutoModel.from_config(config)", line


def _range_test(a: Action) -> Lines:
    low, high = _number(a.get("low"), 1e-6), _number(a.get("high"), 1.0)
    ratio = high / low if high > low > 0 else 1e6
    loop = (
        f"lr, n = {_figure(low)}, 200  # 200 batches, each with a slightly larger rate\n"
        "for inputs, targets in itertools.islice(batches, n):\n"
        "    for group in optimizer.param_groups:\n"
        "        group['lr'] = lr\n"
        "    optimizer.zero_grad()\n"
        "    loss = criterion(model(inputs), targets)\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        "    print(lr, loss.item())  # take a tenth of the rate at which the loss turns up\n"
        f"    lr *= {ratio:.4g} ** (1 / n)"
    )
    tuner = (
        "found = L.pytorch.tuner.Tuner(trainer).lr_find("
        f"model, min_lr={_figure(low)}, max_lr={_figure(high)})\nprint(found.suggestion())"
    )
    keras = (
        "sweep = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: "
        f"model.optimizer.learning_rate.assign({_figure(low)} * {ratio:.4g} ** (batch / 200)))\n"
        "model.fit(train, steps_per_epoch=200, callbacks=[sweep])"
    )
    return loop, tuner, loop, keras


def _precision(a: Action) -> Lines | None:
    if a.get("precision") != "bf16":
        return None
    return (
        'with torch.autocast("cuda", dtype=torch.bfloat16):\n    loss = criterion(model(inputs), targets)',
        'trainer = L.Trainer(precision="bf16-mixed")',
        'args = TrainingArguments(output_dir="out", bf16=True, fp16=False)',
        'keras.mixed_precision.set_global_policy("mixed_bfloat16")',
    )


def _init(a: Action) -> Lines | None:
    if a.get("init") != "kaiming":
        return None
    loop = (
        "for layer in model.modules():\n"
        "    if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):\n"
        '        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
        "        if layer.bias is not None:\n"
        "            torch.nn.init.zeros_(layer.bias)"
    )
    keras = 'layer = keras.layers.Dense(256, activation="relu", kernel_initializer="he_normal")  # in every layer'
    return loop, loop.replace("model.modules", "self.modules"), loop, keras


def _unfreeze(a: Action) -> Lines:
    named = repr(re.sub(r"[^\w./ \[\]-]", "", shorten(clean(str(a.get("layer", ""))), 80)))
    loop = (
        "for name, p in model.named_parameters():\n"
        f"    if name.startswith({named}):\n"
        "        p.requires_grad_(True)\n"
        "known = {id(p) for group in optimizer.param_groups for p in group['params']}\n"
        "print([name for name, p in model.named_parameters() if id(p) not in known])  # what the optimizer misses"
    )
    keras = (
        f"model.get_layer({named}).trainable = True\nmodel.compile(optimizer=optimizer, loss=loss)  # after it, always"
    )
    return loop, loop, loop, keras


def _inspect(a: Action) -> Lines:
    at = _figure(_number(a.get("at_step"), 0))
    clip = _number(a.get("clip_grad_norm"), 0.0)
    check = (
        f"if step == {at}:\n"
        "    print(inputs.shape, inputs.dtype, inputs.min(), inputs.max(), inputs.isnan().any())\n"
        "    print(targets.shape, targets.dtype, targets.min(), targets.max())"
    )
    held = f"\ntorch.nn.utils.clip_grad_norm_(model.parameters(), max_norm={_figure(clip)})" if clip else ""
    light = check.replace("step ==", "self.global_step ==")
    keras = (
        f"inputs, targets = next(itertools.islice(iter(train), {at}, None))\n"
        "print(inputs.shape, inputs.dtype, inputs.numpy().min(), inputs.numpy().max())\n"
        "print(targets.shape, targets.dtype, targets[:10])"
    )
    face = (
        f"batch = next(itertools.islice(trainer.get_train_dataloader(), {at}, None))\n"
        "print(tokenizer.decode(batch['input_ids'][0]))"
    )
    return check + held, light, face, keras


_KINDS: Mapping[str, Callable[[Action], Lines | None]] = {
    "scale_lr": _scale_lr,
    "set_schedule": _set_schedule,
    "delay_decay": _delay_decay,
    "early_stop": _early_stop,
    "regularize": _regularize,
    "overfit_check": _overfit_check,
    "set_label_smoothing": _label_smoothing,
    "scale_width": _scale_width,
    "lr_range_test": _range_test,
    "set_precision": _precision,
    "set_init": _init,
    "unfreeze": _unfreeze,
    "inspect_batch": _inspect,
}
