"""Fixtures that every test may ask for."""

pytest_plugins = ["tests.support.kafka", "tests.support.retail", "tests.support.browser"]
