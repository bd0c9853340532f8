# One image for every process; the command chooses: api, worker, migrate, seed.

FROM python:3.13-slim-bookworm AS dependencies
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement requirements.lock

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/carillon --create-home carillon
COPY --from=dependencies /opt/venv /opt/venv
WORKDIR /srv/carillon
COPY domain/ domain/
COPY templating/ templating/
COPY models/ models/
COPY outbound/ outbound/
COPY providers/ providers/
COPY services/ services/
COPY temporal_workflows/ temporal_workflows/
COPY activities/ activities/
COPY api/ api/
COPY runtime/ runtime/
COPY commands/ commands/
COPY migrations/ migrations/
# The packages are found by this path alone, whatever the working folder is.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/srv/carillon \
    PYTHONUNBUFFERED=1 \
    CARILLON_API_HOST=0.0.0.0 \
    CARILLON_HOME=/var/lib/carillon
RUN python -m compileall -q /srv/carillon
USER carillon
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "commands.cli"]
CMD ["api"]
