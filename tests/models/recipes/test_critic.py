"""The critic learns to tell, the maker learns to please it, and neither is pushed by the other's aim."""

import torch

from models.recipes.critic import Critic, critic_losses, patches


def test_each_loss_reaches_its_own_side_alone() -> None:
    torch.manual_seed(1)
    critic, made = Critic(), torch.randn(2, 32, 80, requires_grad=True)
    own, fooling, apart = critic_losses(critic, made, torch.randn(2, 32, 80))
    own.backward(retain_graph=True)
    assert made.grad is None
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())
    critic.zero_grad()
    (fooling + apart).backward()
    assert made.grad is not None and made.grad.abs().sum() > 0
    assert all(p.grad is None for p in critic.parameters())


def test_patches_are_the_same_frames_of_both() -> None:
    real = torch.arange(400.0).view(2, 200, 1).expand(2, 200, 80)
    ours, theirs = patches(real + 0.5, real, torch.tensor([150, 40]))
    assert ours.shape == theirs.shape == (1, 96, 80)
    assert torch.equal(ours, theirs + 0.5)
    assert float(theirs.max()) < 150
