# PruneLab as an image: `docker build -t prunelab .`. For torch's CPU build, a fifth of the size, pass its index:
# `docker build --build-arg TORCH_INDEX=<torch's index of CPU builds> -t prunelab .`
FROM node:22-bookworm-slim AS scripts
WORKDIR /ui
COPY pages/ui/package.json pages/ui/package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM python:3.11-slim-bookworm

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /app

# What packages.txt names, as on every other host: Fashion-MNIST. openssl makes the key that compose's services share.
COPY packages.txt tools/apt-install ./
RUN xargs ./apt-install openssl < packages.txt && rm -rf apt-install /var/lib/apt/lists/*

# What a run store elsewhere needs: `--build-arg EXTRA=s3fs` for one that is named s3://…
ARG TORCH_INDEX="" EXTRA=""
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.txt ${EXTRA:+"$EXTRA"} -c constraints.txt

COPY . .
COPY --from=scripts /ui/node_modules pages/ui/node_modules
RUN useradd --uid 10001 --create-home prunelab && install --directory --owner prunelab /runs /keys
USER 10001

ENV PRUNELAB_RUNS=/runs MALLOC_ARENA_MAX=2 PYTHONUNBUFFERED=1
VOLUME /runs
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=30s --start-period=300s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=29)"]
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
