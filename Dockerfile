# One image for every process: web, worker, beat, vault and the migrations. What a
# process may do is decided by the secrets it is given, never by the image.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /venv/bin/python -m config.assets && rm -rf node_modules

FROM python:3.11-slim-bookworm
# LightGBM's wheel expects the system's OpenMP.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home catchment \
    && install -d -o catchment -g catchment -m 0700 /data /vault
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# The image carries no git history, so it is told what it was built from.
ARG CATCHMENT_VERSION=""
ENV CATCHMENT_VERSION=$CATCHMENT_VERSION
ENV PATH=/venv/bin:$PATH \
    CATCHMENT_HOME=/data \
    DJANGO_SETTINGS_MODULE=config.settings \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER catchment
VOLUME /data
ENTRYPOINT ["python", "-m", "config.runner", "--home", "/data"]
CMD ["web", "--host", "0.0.0.0"]
