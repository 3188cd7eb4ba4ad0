"""`make fuzz` runs these tests with many more examples than `make test` does."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz",
    max_examples=2_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
