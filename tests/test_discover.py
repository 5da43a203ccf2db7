"""Does a tree of logs fall into the runs that a person would see in it?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from curvedoc.discover import find_runs
from curvedoc.errors import NoLogFound, UsageError

from .trees import LOSS, csv, events, keras, names

# -- one file, one directory ------------------------------------------------------------------------------------------


def test_a_table_in_a_language_that_is_not_known_is_read_when_its_columns_are_named(tmp_path: Path) -> None:
    csv(tmp_path / "tulokset.csv", Kierros=range(8), Tappio=LOSS, Tappio_neu=LOSS[::-1])
    with pytest.raises(NoLogFound, match="no training log found"):
        find_runs(tmp_path)
    for place in (tmp_path, tmp_path / "tulokset.csv"):
        (run,) = find_runs(place, roles={"train_loss": "Tappio", "val_loss": "Tappio_neu"}).runs
        assert run.curves["train_loss"][0].value.tolist() == LOSS
        assert run.curves["val_loss"][0].value.tolist() == LOSS[::-1]


def test_a_table_that_is_given_itself_is_asked_about_its_columns(tmp_path: Path) -> None:
    csv(tmp_path / "tulokset.csv", Kierros=range(8), Tappio=LOSS)
    with pytest.raises(NoLogFound, match=r"'Tappio'.*--role train_loss=COLUMN"):
        find_runs(tmp_path / "tulokset.csv")


def test_a_file_is_one_run_named_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras(tmp_path / "runs" / "one" / "history.csv")
    keras(tmp_path / "runs" / "one" / "other.csv")
    monkeypatch.chdir(tmp_path)
    (run,) = find_runs("runs/one/history.csv").runs
    assert (run.name, run.path, run.files) == ("runs/one/history", "runs/one/history.csv", ("history.csv",))
    (run,) = find_runs(tmp_path / "runs/one/history.csv").runs
    assert (run.name, run.path) == ("one/history", str(tmp_path / "runs/one/history.csv"))


def test_runs_are_named_by_their_place_below_the_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("a", "b/version_2", "b/version_10"):
        keras(tmp_path / "runs" / place / "metrics.csv")
    monkeypatch.chdir(tmp_path)
    found = find_runs("runs")
    assert names(found) == ["a", "b/version_2", "b/version_10"]
    assert [run.path for run in found.runs] == [f"runs/{name}/metrics.csv" for name in names(found)]
    assert [run.files for run in found.runs] == [(f"{name}/metrics.csv",) for name in names(found)]
    assert {t.file for run in found.runs for t in run.tags} == {f"{name}/metrics.csv" for name in names(found)}


def test_the_argument_itself_gives_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras(tmp_path / "my-run" / "metrics.csv")
    monkeypatch.chdir(tmp_path / "my-run")
    (run,) = find_runs(".").runs
    assert (run.name, run.path) == ("my-run", "metrics.csv")
    assert names(find_runs(tmp_path / "my-run")) == ["my-run"]


def test_a_lone_file_above_the_directories_of_other_runs_is_called_after_itself(tmp_path: Path) -> None:
    for k, place in enumerate(("metrics.csv", "a/metrics.csv", "b/metrics.csv")):
        keras(tmp_path / "runs" / place, 1 + k / 10)
    assert names(find_runs(tmp_path / "runs")) == ["a", "b", "metrics"]


def test_unrelated_tables_in_one_directory_stay_single(tmp_path: Path) -> None:
    for k in range(4):
        keras(tmp_path / f"{k:04}.csv", 1 + k / 10)
    for name in ("train_log", "train_log_temp", "speaker10_training"):
        keras(tmp_path / f"{name}.csv", 2.0)
    found = find_runs(tmp_path)
    assert names(found) == ["0000", "0001", "0002", "0003", "speaker10_training", "train_log", "train_log_temp"]
    assert all(len(run.files) == 1 for run in found.runs)


def test_files_that_differ_in_their_suffix_get_different_names(tmp_path: Path) -> None:
    keras(tmp_path / "training.csv")
    keras(tmp_path / "training.log", 1.5)
    assert len(set(names(find_runs(tmp_path)))) == 2


# -- settings ---------------------------------------------------------------------------------------------------------


def test_a_configuration_beside_a_log_goes_into_the_run(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "log.csv")
    (tmp_path / "r" / "config.json").write_text('{"lr": 0.1, "model": "mlp"}')
    found = find_runs(tmp_path)
    assert found.runs[0].hyper == {"lr": 0.1, "model": "mlp"}
    assert found.skipped == found.refused == ()
    assert find_runs(tmp_path / "r" / "log.csv").runs[0].hyper == {"lr": 0.1, "model": "mlp"}


def test_a_configuration_above_speaks_for_a_single_run_only(tmp_path: Path) -> None:
    for place in ("one/vis", "many/a", "many/b"):
        keras(tmp_path / place / "log.csv")
    for place in ("one", "many"):
        (tmp_path / place / "config.yaml").write_text("lr: 0.1\n")
    hyper = {run.name: run.hyper for run in find_runs(tmp_path).runs}
    assert hyper == {"one/vis": {"lr": 0.1}, "many/a": {}, "many/b": {}}


def test_a_run_directory_says_its_own_roles_and_facts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        csv(tmp_path / name / "log.csv", step=range(8), objective=LOSS, loss=LOSS[::-1])
    (tmp_path / "a" / "curvedoc.toml").write_text('classes = 5\n[roles]\ntrain_loss = "objective"\n')
    a, b = find_runs(tmp_path).runs
    assert a.curves["train_loss"][0].tag == "objective"
    assert a.hyper == {"num_classes": 5}
    assert b.curves["train_loss"][0].tag == "loss"
    found = find_runs(tmp_path, roles={"train_loss": "loss"})
    assert [run.curves["train_loss"][0].tag for run in found.runs] == ["loss", "loss"]


def test_a_configuration_above_its_runs_holds_for_all(tmp_path: Path) -> None:
    for name in ("a", "b"):
        csv(tmp_path / name / "log.csv", step=range(8), objective=LOSS)
    (tmp_path / "curvedoc.toml").write_text('ignore = ["overfitting"]\n[roles]\nval_loss = "objective"\n')
    found = find_runs(tmp_path)
    assert [set(run.curves) for run in found.runs] == [{"val_loss"}, {"val_loss"}]
    assert "ignore in a curvedoc.toml count" in found.runs[0].notes[-1].what


def test_a_role_for_a_tag_that_no_run_holds_is_an_error(tmp_path: Path) -> None:
    csv(tmp_path / "a" / "log.csv", step=range(8), objective=LOSS)
    keras(tmp_path / "b" / "log.csv")
    assert len(find_runs(tmp_path, roles={"train_loss": "objective"}).runs) == 2
    with pytest.raises(UsageError, match="did you mean 'objective'"):
        find_runs(tmp_path, roles={"train_loss": "objectiv"})
    (tmp_path / "a" / "curvedoc.toml").write_text('[roles]\ntrain_loss = "val_loss"\n')
    with pytest.raises(UsageError, match=r"a.curvedoc\.toml: train_loss=val_loss"):
        find_runs(tmp_path)


# -- what is no log ---------------------------------------------------------------------------------------------------


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    keras(tmp_path / "r" / "log.csv")
    (tmp_path / "r" / "model.pt").write_bytes(b"\x80\x02")
    (tmp_path / "r" / "notes.txt").write_text("remember the milk\n")
    (tmp_path / "r" / "trainer_state.json").write_text('{"log_history": [')
    csv(tmp_path / "r" / "people.csv", age=range(8), height=range(8))
    found = find_runs(tmp_path)
    assert names(found) == ["r"]
    assert [r.file for r in found.refused] == ["r/trainer_state.json"]
    assert [s.file for s in found.skipped] == ["r/model.pt", "r/notes.txt", "r/people.csv"]
    assert all(s.why for s in (*found.refused, *found.skipped))


def test_an_event_file_without_a_scalar_is_skipped(tmp_path: Path) -> None:
    keras(tmp_path / "log.csv")
    events(tmp_path / "empty", {})
    assert [s.why for s in find_runs(tmp_path).skipped] == ["a log without a scalar"]


def test_hidden_directories_and_packages_are_passed_over_and_named(tmp_path: Path) -> None:
    for place in ("runs", ".trash", "node_modules/x", "env"):
        keras(tmp_path / place / "log.csv")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    found = find_runs(tmp_path)
    assert names(found) == ["runs"]
    assert [(s.file, s.why) for s in found.skipped] == [
        (".trash", "a hidden directory"),
        ("env", "a directory of packages"),
        ("node_modules", "a directory of packages"),
    ]


def test_links_neither_loop_nor_show_a_run_twice(tmp_path: Path) -> None:
    keras(tmp_path / "tree" / "run" / "log.csv")
    keras(tmp_path / "elsewhere" / "log.csv")
    (tmp_path / "tree" / "latest").symlink_to(tmp_path / "tree" / "run")
    (tmp_path / "tree" / "loop").symlink_to(tmp_path)
    (tmp_path / "tree" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "tree" / "again").symlink_to(tmp_path / "elsewhere")
    found = find_runs(tmp_path / "tree")
    assert names(found) == ["again", "run"]
    assert [s.file for s in found.skipped] == ["latest", "loop", "other"]
    assert all("link" in s.why for s in found.skipped)


def test_a_forbidden_directory_is_refused_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras(tmp_path / "good" / "log.csv")
    keras(tmp_path / "locked" / "log.csv")
    scandir = os.scandir

    def guarded(place: Path) -> object:  # as the system does, to everybody but root
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find_runs(tmp_path)
    assert names(found) == ["good"]
    assert [(r.file, r.why) for r in found.refused] == [("locked", "the directory cannot be read: Permission denied")]


def test_a_tree_without_a_log_is_said_with_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing here")
    with pytest.raises(NoLogFound, match=r"no training log found; 1 file was looked at. Event files"):
        find_runs(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.csv.gz", b"\x1f\x8b", "packed: unpack it first"),
        ("logs.zip", b"PK", "packed: unpack it first"),
        ("history.pkl", b"\x80\x04", "a pickle, which could run code, is not opened: load it in Python"),
        ("curves.npz", b"PK", r"a file of arrays is not opened: .* curvedoc.diagnose"),
        ("train.ipynb", b"{}", "a notebook: save what it printed"),
        ("losses.json", b"[2.0, 1.0, 0.5]", "no list of numbers under the name of a loss"),
        ("folds.json", b'{"loss": [[2.0, 1.0], [2.1, 1.1]]}', "no list of numbers under the name of a loss"),
        ("metrics.csv", b"", "an empty file: nothing was logged, or it was not written out yet"),
        ("metrics.csv", b"epoch,train_loss\n\n", "a single line and no row of numbers below it"),
    ],
)
def test_a_file_that_may_yet_be_a_log_is_said_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    for place in (tmp_path, tmp_path / name):
        with pytest.raises(NoLogFound, match=f"1 file was looked at. {name}: {said}"):
            find_runs(place)


def test_a_directory_without_a_file_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(NoLogFound, match="no training log found, the directory is empty"):
        find_runs(tmp_path)


def test_the_only_table_with_columns_of_unknown_names_is_told_with_the_flag_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("i,tl,vl\n" + "".join(f"{k},{1 / k},{2 / k}\n" for k in range(1, 20)))
    with pytest.raises(NoLogFound, match=r"log\.csv: .*\('i', 'tl', 'vl'\).* --role train_loss=COLUMN"):
        find_runs(tmp_path)


def test_a_text_log_that_ends_in_nan_is_not_the_run_of_a_table_that_does_not(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,train_loss\n" + "".join(f"{k},{1 / k}\n" for k in range(1, 20)))
    said = lambda k: f"epoch {k} loss {2 / k if k < 9 else float('nan'):.4f}\n"  # noqa: E731
    (tmp_path / "train.log").write_text("".join(map(said, range(1, 20))))
    assert len(find_runs(tmp_path).runs) == 2
    (tmp_path / "train.log").write_text("".join(f"epoch {k} loss {2 / k:.4f}\n" for k in range(1, 20)))
    assert len(find_runs(tmp_path).runs) == 1


def test_progress_counts_the_files(tmp_path: Path) -> None:
    for k in range(3):
        keras(tmp_path / f"{k}.csv", 1 + k)
    seen: list[tuple[int, int]] = []
    find_runs(tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_two_readings_of_a_tree_are_the_same(tmp_path: Path) -> None:
    for k in range(3):
        events(tmp_path / f"r{k}" / "train", {"epoch_loss": LOSS})
        events(tmp_path / f"r{k}" / "validation", {"epoch_loss": LOSS})
        keras(tmp_path / f"r{k}" / "log.csv", 1 + k)
    one, other = find_runs(tmp_path), find_runs(tmp_path)
    for a, b in zip(one.runs, other.runs, strict=True):
        assert (a.name, a.path, a.files, a.tags, a.notes) == (b.name, b.path, b.files, b.tags, b.notes)
        for role, curves in a.curves.items():
            assert np.array_equal(curves[0].value, b.curves[role][0].value)


def test_several_runs_in_one_file_are_named_by_their_part(tmp_path: Path) -> None:
    model = ["resnet"] * 8 + ["vit"] * 8
    csv(tmp_path / "models.csv", model=model, epoch=[*range(8)] * 2, train_loss=LOSS * 2)
    found = find_runs(tmp_path)
    assert names(found) == ["models:resnet", "models:vit"]
    assert {run.path for run in found.runs} == {str(tmp_path / "models.csv")}


def test_pipes_and_devices_are_listed_and_not_opened(tmp_path: Path) -> None:
    keras(tmp_path / "log.csv")
    for name in ("train.log", "config.json", "hparams.yaml"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "args.json").symlink_to("/dev/zero")
    found = find_runs(tmp_path)
    assert names(found) == [tmp_path.name]
    assert {(s.file, s.why) for s in found.skipped} == {
        (name, "no regular file") for name in ("train.log", "config.json", "hparams.yaml", "args.json")
    }


def test_a_pipe_in_the_place_of_a_log_is_refused_and_a_log_beside_pipes_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.log")
    os.mkfifo(tmp_path / "config.json")
    (refused,) = find_runs(tmp_path / "train.log").refused
    assert "no regular file" in refused.why
    assert len(find_runs(keras(tmp_path / "log.csv")).runs) == 1
