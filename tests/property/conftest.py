"""How laws are tried."""

from hypothesis import settings

settings.register_profile("ranking-app", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("ranking-app")
