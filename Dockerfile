# A static binary and nothing else: no shell, no package manager, no user but ours.
# Health checks run the binary itself: ["CMD", "/sidelight", "health"].
#
#   docker build -t sidelight .                       what runs beside a container: the agent alone
#   docker build -t sidelight:tool --target tool .    the full tool, for CI and consoles
#   docker build -t sidelight:xray --target xray .    the agent in the X-Ray daemon's place
FROM --platform=$BUILDPLATFORM golang:1.26 AS source
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Directories that the user may write: a volume mounted there inherits them.
RUN mkdir -p /out/var/lib/sidelight /out/run/sidelight
# The names of the X-Ray daemon's binary in its images. By them the program takes
# the daemon's command line.
RUN mkdir -p /names/usr/bin && ln -s /sidelight /names/xray && ln -s /sidelight /names/usr/bin/xray

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
COPY --from=source /names/ /
USER 65532:65532
ENTRYPOINT ["/sidelight"]

FROM base AS tool
COPY --from=build-tool /src/bin/sidelight /sidelight
CMD ["help"]

# For task definitions and pods that name the X-Ray daemon's image: only the image
# changes. Entry point and ports are those of the daemon's.
FROM base AS xray
COPY --from=build-agent /src/bin/sidelight-agent /sidelight
VOLUME ["/var/lib/sidelight"]
EXPOSE 2000/udp 2000/tcp
ENTRYPOINT ["/xray", "-t", "0.0.0.0:2000", "-b", "0.0.0.0:2000"]

# The last stage is the one that is built unless another is asked for.
FROM base AS agent
COPY --from=build-agent /src/bin/sidelight-agent /sidelight
VOLUME ["/var/lib/sidelight", "/run/sidelight"]
# In a container of its own the agent is reached from other containers of the
# task or pod, which share its network: loopback stays the default.
EXPOSE 4317 4318 2000/udp 2000 24224 8125/udp 25888 25888/udp 13133
CMD ["run"]
