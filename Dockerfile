# One image for every role: `tradewind ingress`, `dispatcher`, `sources`, and on Kubernetes `controller` and `webhook`.
# Debian's glibc, because the wheels of confluent-kafka and uvloop are built for it.  No embedded Kafka in here.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY tradewind tradewind
COPY broker broker
COPY sources sources
COPY trigger_dispatcher trigger_dispatcher
RUN python -m venv /opt/tradewind \
 && python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && /opt/tradewind/bin/python -m pip install --no-cache-dir --constraint constraints.txt "$(echo /wheels/*.whl)[cel,webhook]" \
 && /opt/tradewind/bin/python -m compileall -q /opt/tradewind

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home tradewind
COPY --from=build /opt/tradewind /opt/tradewind
ENV PATH=/opt/tradewind/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TRADEWIND_HOST=0.0.0.0 \
    TRADEWIND_MANIFESTS=/manifests
USER tradewind
WORKDIR /home/tradewind
EXPOSE 8080
# The ingress answers probes on its own port, the others on TRADEWIND_HEALTH_PORT.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
  CMD python -c "import os, urllib.request as r; e = os.environ.get; r.urlopen('http://127.0.0.1:' + (e('TRADEWIND_HEALTH_PORT') or e('TRADEWIND_PORT', '8080')) + '/readyz', timeout=4)"
ENTRYPOINT ["tradewind"]
CMD ["--help"]
