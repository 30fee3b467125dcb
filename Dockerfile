# A static binary and nothing else: no shell, no package manager, no user but ours.
# Health checks run the binary itself: ["CMD", "/sidelight", "health"].
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make bin/sidelight && mkdir /out && mv bin/sidelight /out/
# Directories that the user may write: a volume mounted there inherits them.
RUN mkdir -p /out/var/lib/sidelight /out/run/sidelight

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Time zones, for logs whose times name one.
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
ENV ZONEINFO=/zoneinfo.zip
COPY --from=build /out/sidelight /sidelight
COPY --from=build --chown=65532:65532 /out/var/lib/sidelight /var/lib/sidelight
COPY --from=build --chown=65532:65532 /out/run/sidelight /run/sidelight
USER 65532:65532
VOLUME ["/var/lib/sidelight", "/run/sidelight"]
# In a container of its own the agent is reached from other containers of the
# task or pod, which share its network: loopback stays the default.
EXPOSE 4317 4318 2000/udp 2000 24224 8125/udp 13133
ENTRYPOINT ["/sidelight"]
CMD ["run"]
