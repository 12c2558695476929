"""The risk, return and diversification of a long-only portfolio, whose independent bets are the covariance's eigenvectors.

Meucci, "Managing diversification" (Risk 22(5), 2009): the effective number of bets is the exponential of their entropy.
"""

import numpy as np

from tests.programs._types import Arguments, Floats

RISK_AVERSION = 3.0
REWARD = 0.05


def value(logits: Floats, returns: Floats) -> np.float64:
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    variances, bets = np.linalg.eigh(np.cov(returns, rowvar=False))
    exposures = variances * (bets.T @ weights) ** 2
    risk = np.sum(exposures)
    shares = exposures / risk
    number_of_bets = np.exp(-np.sum(shares * np.log(shares)))
    utility: np.float64 = weights @ returns.mean(axis=0) - 0.5 * RISK_AVERSION * risk + REWARD * number_of_bets
    return utility


def arguments(rng: np.random.Generator) -> Arguments:
    market = rng.standard_normal((60, 1)) @ rng.uniform(0.5, 1.5, (1, 6))
    returns = 0.05 + 0.2 * market + rng.standard_normal((60, 6)) * np.linspace(0.1, 0.4, 6)
    return (0.5 * rng.standard_normal(6), returns), ()
