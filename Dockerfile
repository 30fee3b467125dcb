# A static binary and nothing else: no shell, no package manager, no user but ours.
# Health checks run the binary itself: ["CMD", "/sidelight", "health"].
#
#   docker build -t sidelight .                       what runs beside a container: the agent alone
#   docker build -t sidelight:tool --target tool .    the full tool, for CI and consoles
FROM --platform=$BUILDPLATFORM golang:1.26 AS source
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Directories that the user may write: a volume mounted there inherits them.
RUN mkdir -p /out/var/lib/sidelight /out/run/sidelight

FROM source AS build-agent
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make bin/sidelight-agent

FROM source AS build-tool
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make bin/sidelight

FROM scratch AS base
COPY --from=source /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Time zones, for logs whose times name one.
COPY --from=source /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
ENV ZONEINFO=/zoneinfo.zip
COPY --from=source --chown=65532:65532 /out/var/lib/sidelight /var/lib/sidelight
COPY --from=source --chown=65532:65532 /out/run/sidelight /run/sidelight
USER 65532:65532
ENTRYPOINT ["/sidelight"]

FROM base AS tool
COPY --from=build-tool /src/bin/sidelight /sidelight
CMD ["help"]

# The last stage is the one that is built unless another is asked for.
FROM base AS agent
COPY --from=build-agent /src/bin/sidelight-agent /sidelight
VOLUME ["/var/lib/sidelight", "/run/sidelight"]
# In a container of its own the agent is reached from other containers of the
# task or pod, which share its network: loopback stays the default.
EXPOSE 4317 4318 2000/udp 2000 24224 8125/udp 13133
CMD ["run"]
