# An agent's machine: no server code is in it.
FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /src
COPY . .
RUN uv venv /opt/agent && uv export --frozen --no-dev --no-emit-workspace --package muster-agent --extra mistral > requirements.txt \
    && VIRTUAL_ENV=/opt/agent uv pip install --no-deps -r requirements.txt ./protos ./shared_models ./messaging ./agent

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 agent && mkdir /state /work && chown agent /state /work
COPY --from=build /opt/agent /opt/agent
ENV PATH=/opt/agent/bin:$PATH PYTHONUNBUFFERED=1 MUSTER_STATE_DIR=/state MUSTER_AGENT_WORKDIR=/work
USER agent
VOLUME ["/state", "/work"]
# It opens no port: whether it is well is for the server to say, which hears it.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["python", "-c", "import pathlib, sys; sys.exit(not pathlib.Path('/state/server.crt').exists())"]
ENTRYPOINT ["python", "-m", "muster_agent"]
CMD ["operator"]
