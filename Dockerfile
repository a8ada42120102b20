# One image with every program of Orderflow; the command chooses which one
# runs: order, inventory, payment, shipping, notification, customer, catalog,
# workers, deploy, gateway, starter.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ENV CGO_ENABLED=0
RUN for service in order inventory payment shipping notification customer catalog; do \
      go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o "/out/${service}" "./services/${service}/server" || exit 1; \
    done && \
    for program in workers gateway starter; do \
      go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o "/out/${program}" "./${program}" || exit 1; \
    done && \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/deploy ./workers/deploy && \
    mkdir -p /data/keys /data/payload-keys /data/service-signing-key /data/service-jwks

FROM alpine:3.22
COPY --from=build /out/ /usr/local/bin/
# The folders of keys; a volume inherits the owner of its folder.
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
CMD ["gateway", "--help"]
