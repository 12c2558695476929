"""What all tests share: how many programs Hypothesis draws, and that it draws the same ones in each run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "laws",
    deadline=None,  # one core may be shared by several runs
    derandomize=True,  # a red test stays red, and a green one green
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")
