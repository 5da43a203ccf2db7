"""How good is the smoother for each GAMMA? Prints error and honesty on curves whose truth is known.

python -m tests.bench.smoother
"""

from __future__ import annotations

import numpy as np

from curvedoc.curves import smooth as module

X = np.arange(2000.0)


def main() -> None:
    """One line per GAMMA and time constant: root mean squared error, its ratio to the stated standard error, and
    the share of points whose truth lies within two stated standard errors."""
    print("gamma   tau  rmse  rmse/se  within 2 se")
    for gamma in (0.7, 1.0, 1.3, 1.6, 2.0):
        for tau in (60, 400, 1500):
            module.GAMMA = gamma
            truth = 0.3 + 2 * np.exp(-X / tau)
            error, se, within = [], [], []
            for seed in range(20):
                line = module.smooth(X, truth + 0.1 * np.random.default_rng(seed).standard_normal(len(X)))
                away = line.value - np.interp(line.step, X, truth)
                error.append(np.sqrt((away**2).mean()))
                se.append(np.median(line.se))
                within.append((np.abs(away) <= 2 * line.se).mean())
            rmse = float(np.mean(error))
            print(f"{gamma:5.1f} {tau:5d}  {rmse:.4f}  {rmse / np.mean(se):5.2f}  {np.mean(within):8.2f}")


if __name__ == "__main__":
    main()
