"""Are the trainings known whose losses do not measure progress?"""

from __future__ import annotations

from .tags import claims, log, roles


def test_the_players_of_a_gan_have_no_training_loss() -> None:
    assert set(roles(log("D_A", "G_A", "cycle_A", "idt_A")).values()) == {"other_loss"}
    found = claims(log("loss", "loss_D", "loss_G", "lr"))
    assert found["loss"].role == "other_loss"
    assert "neither loss" in found["loss"].why


def test_the_losses_of_an_agent_do_not_measure_progress() -> None:
    found = roles(
        log("rollout/ep_rew_mean", "train/loss", "train/value_loss", "train/approx_kl", "train/learning_rate")
    )
    assert list(found.values()) == ["reward", "other_loss", "other_loss", None, "lr"]


def test_a_reward_beside_a_validation_loss_leaves_the_loss_supervised() -> None:
    assert roles(log("train_loss", "val_loss", "return_mean"))["train_loss"] == "train_loss"


def test_preference_and_diffusion_losses_do_not_measure_progress() -> None:
    dpo = claims(log("loss", "rewards/chosen", "rewards/margins", "rewards/accuracies", "eval_loss"))
    assert (dpo["loss"].role, dpo["eval_loss"].role) == ("other_loss", "other_loss")
    assert dpo["rewards/accuracies"].role == "train_accuracy"
    assert "ln 2" in dpo["loss"].why
    assert roles(log("loss", "loss_q0", "loss_q3"))["loss"] == "other_loss"


def test_an_adversarial_model_beside_a_discriminator_is_a_player() -> None:
    assert roles(log("D loss", "A loss")) == {"D loss": "other_loss", "A loss": "other_loss"}
