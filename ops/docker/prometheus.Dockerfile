# Prometheus of Debian 12, with its configuration from outside: for the profile metrics of the demos.
FROM debian:bookworm-slim AS package
RUN apt-get update && apt-get install -y --no-install-recommends prometheus
COPY gather /
RUN /gather /usr/bin/prometheus /image

FROM scratch
COPY --from=package /image/system /
COPY --from=package --chown=65532:65532 /image/kept /
COPY --from=package /usr/share/prometheus /usr/share/prometheus
USER 65532:65532
ENTRYPOINT ["/usr/bin/prometheus", "--config.file=/etc/prometheus.yml", "--storage.tsdb.path=/data", "--storage.tsdb.retention.time=1d"]
