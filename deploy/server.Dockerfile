# The server with the web console, and the broker: one image, two commands.
FROM node:20-slim AS console
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY frontend ./
RUN mkdir -p ../server/src/muster_server && npm run build

FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /src
COPY . .
COPY --from=console /src/server/src/muster_server/console server/src/muster_server/console
# Not editable: the image holds the packages, not the sources.
RUN uv sync --frozen --no-dev --no-editable --extra postgres --no-python-downloads

FROM python:3.12-slim
# Volumes take the owner of the folder they are mounted over.
RUN useradd --create-home --uid 10001 muster && mkdir /data /join /state && chown muster /data /join /state
COPY --from=build /src/.venv /src/.venv
ENV PATH=/src/.venv/bin:$PATH PYTHONUNBUFFERED=1 MUSTER_DATA_DIR=/data
USER muster
VOLUME /data
EXPOSE 8000 50051
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:8000/ready', headers={'Host': '127.0.0.1:8000'}), timeout=2)"]
CMD ["muster", "server"]
