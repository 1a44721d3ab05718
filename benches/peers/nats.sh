#!/bin/sh
# nats-server with its WebSocket listener; the client speaks the NATS protocol over it.
folder=$1 port=$2
config="$folder/nats-$port.conf"
cat >"$config" <<EOF
listen: "127.0.0.1:-1"
ping_interval: "1h"
websocket { listen: "127.0.0.1:$port", no_tls: true, compression: false }
EOF
exec "$folder/nats-server" -c "$config"
