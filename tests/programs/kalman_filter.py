"""The likelihood of 200 noisy positions in the plane under a constant-velocity model, by a Kalman filter.

Harvey, Forecasting, Structural Time Series Models and the Kalman Filter (1989), section 3.4: prediction error decomposition.
"""

import numpy as np

from tests.programs._types import Arguments, Floats

DT = 0.1
STEPS = 200


def value(log_process: Floats, log_observation: Floats, start: Floats, seen: Floats) -> np.float64:
    F = np.array([[1, 0, DT, 0], [0, 1, 0, DT], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    H = np.eye(2, 4)
    G = np.array([[DT**2 / 2, 0], [0, DT**2 / 2], [DT, 0], [0, DT]])
    Q = G @ np.diag(np.exp(log_process)) @ G.T
    R = np.diag(np.exp(log_observation))
    x, P = start, np.eye(4)
    likelihood = np.float64(0.0)
    for z in seen:
        x = F @ x
        P = F @ P @ F.T + Q
        innovation = z - H @ x
        S = H @ P @ H.T + R
        K = np.linalg.solve(S, H @ P).T
        likelihood -= 0.5 * (innovation @ np.linalg.solve(S, innovation) + np.linalg.slogdet(2 * np.pi * S)[1])
        x = x + K @ innovation
        P = (np.eye(4) - K @ H) @ P
    return likelihood


def arguments(rng: np.random.Generator) -> Arguments:
    velocity = np.cumsum(0.3 * np.sqrt(DT) * rng.standard_normal((STEPS, 2)), axis=0) + np.array([1.0, -0.5])
    seen = np.cumsum(DT * velocity, axis=0) + 0.2 * rng.standard_normal((STEPS, 2))
    return (np.array([0.1, -0.2]), np.array([-3.0, -2.5]), np.array([0.0, 0.1, 0.8, -0.3])), (seen,)
