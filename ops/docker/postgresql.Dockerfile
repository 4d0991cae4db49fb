# PostgreSQL of Debian 12: for the profile postgresql of demos/orders.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-15 \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 \
    && install -d -o postgres -g postgres /data
COPY start-postgresql /usr/local/bin/
USER postgres
STOPSIGNAL SIGINT
ENTRYPOINT ["start-postgresql"]
