"""Fixtures that every test may ask for, and how laws are tried."""

from hypothesis import settings

pytest_plugins = ["tests.support.kafka", "tests.support.retail", "tests.support.browser"]

settings.register_profile("ranking-app", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("ranking-app")
