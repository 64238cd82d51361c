# One image for every process of the house; the command says which: web, worker, beat, relay, migrate.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /build/
RUN /opt/venv/bin/pip install --require-hashes -r /build/requirements.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin regulars \
    && install -d -o 10001 -m 700 /var/lib/regulars
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY foundation foundation
COPY organisation organisation
COPY member_api member_api
COPY pos_adapter pos_adapter
COPY analytics analytics
COPY marketing marketing
COPY regulars regulars
COPY migrations migrations
RUN /opt/venv/bin/python -m compileall -q /app
# Nothing is written but below /tmp (in memory, docker-compose.yml) and, by worker and beat, to REGULARS_HOME.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    REGULARS_HOME=/var/lib/regulars \
    WEB_HOST=0.0.0.0 \
    PORT=8000
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "regulars"]
CMD ["web"]
