# nginx of Debian 12, with its configuration from outside: for the profile load-balancer of demos/health-check.
FROM debian:bookworm-slim AS package
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light
COPY gather /
RUN /gather /usr/sbin/nginx /image

FROM scratch
COPY --from=package /image/system /
USER 65532:65532
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/usr/bin/nginx", "-e", "stderr", "-c", "/etc/nginx.conf", "-g", "daemon off;"]
