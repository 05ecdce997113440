# One image for every service: all nodes of a Ray cluster need the same versions of Python, Ray and ablate.
FROM python:3.11.14-slim-bookworm

# Index of the torch packages: this one has the CPU build; https://download.pytorch.org/whl/cu130 has the GPU build.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /opt/ablate
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY ablate ablate
COPY studies studies
RUN pip install --no-cache-dir -c constraints.txt --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple torch \
    && pip install --no-cache-dir -c constraints.txt ".[postgres,ray]"

RUN useradd --uid 1000 --create-home ablate \
    && install -d -o ablate -g ablate /mlruns /artifacts
USER ablate
WORKDIR /home/ablate
ENV DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true RAY_USAGE_STATS_ENABLED=0
