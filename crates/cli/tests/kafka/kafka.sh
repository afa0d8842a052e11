#!/usr/bin/env bash
# Apache Kafka from Maven Central on loopback: one node, the broker that Ottla is compared with.
#   kafka.sh run DIR [KEY=VALUE...]    formats DIR on first use and becomes the broker (ends in exec)
#   kafka.sh format DIR [KEY=VALUE...] only formats it, so that the start of the broker can be measured alone
#   kafka.sh start DIR [KEY=VALUE...]  the same in the background; waits and prints the bootstrap address
#   kafka.sh stop DIR                  stops what start put there
#   kafka.sh resolve                   fetches the jars
# PORT=29092 is the listener, the controller takes PORT+1, HEAP=1g the memory; anything in lower case is a broker
# property and wins over the ones below. KAFKA_VERSION picks the server, OTTLA_LAB the folder of its jars.
set -eu
. "$(dirname "$(readlink -f "$0")")/lib.sh"
usage() { sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }

prepare() {
  dir=${1:?dir}; shift; PORT=29092 HEAP=1g; local extra=() kv
  for kv in "$@"; do case $kv in PORT=*|HEAP=*) declare -g "$kv" ;; *=*) extra+=("$kv") ;; *) echo "not KEY=VALUE: $kv" >&2; exit 2 ;; esac; done
  home=$(kafka_home "$KAFKA_VERSION"); export KT_HOME=$home
  mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
  {
    cat <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((PORT + 1))
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1))
log.dirs=$dir/data
num.partitions=4
num.network.threads=2
num.io.threads=4
group.initial.rebalance.delay.ms=0
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.share.min.record.lock.duration.ms=1000
PROPERTIES
    [ ${#extra[@]} = 0 ] || printf '%s\n' "${extra[@]}"
  } | awk -F= '{k=$1; if(!(k in v)) o[++n]=k; v[k]=$0} END{for(j=1;j<=n;j++) print v[o[j]]}' > "$dir/server.properties"   # the last of a key wins
  [ -f "$dir/data/meta.properties" ] || "$KIT/kt" StorageTool format -t "$("$KIT/kt" StorageTool random-uuid 2>/dev/null | tail -1)" -c "$dir/server.properties" > "$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; exit 5; }
  export KT_OPTS="-Xms256m -Xmx$HEAP -server -XX:+UseG1GC -Djava.awt.headless=true"
}
start() {
  [ -z "$(live "$1")" ] || { echo "already running in $1" >&2; exit 4; }
  prepare "$@"
  setsid nohup "$KIT/kt" Kafka "$dir/server.properties" > "$dir/broker.log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  local begin=$SECONDS
  until grep -q 'Kafka Server started' "$dir/broker.log"; do
    kill -0 "$(cat "$dir/pid")" 2>/dev/null || { echo "the broker died:" >&2; tail -20 "$dir/broker.log" >&2; exit 6; }
    [ $((SECONDS - begin)) -lt 90 ] || { echo "not ready after 90 s" >&2; stop "$dir"; exit 7; }
    sleep 0.2
  done
  echo "127.0.0.1:$PORT"
}
live() { local f=$1/pid; [ -f "$f" ] && kill -0 "$(cat "$f")" 2>/dev/null && grep -qz java "/proc/$(cat "$f")/cmdline" 2>/dev/null && cat "$f"; return 0; }
stop() {
  local begin=$SECONDS pid; pid=$(live "${1:?dir}"); [ -n "$pid" ] || return 0
  kill "$pid"
  while [ -n "$(live "$1")" ] && [ $((SECONDS - begin)) -lt 30 ]; do sleep 0.2; done
  [ -z "$(live "$1")" ] || kill -9 "$pid"
  rm -f "$1/pid"
}
case ${1:-} in
  run) shift; prepare "$@"; exec "$KIT/kt" Kafka "$dir/server.properties" ;;
  format) shift; prepare "$@" ;;
  start) shift; start "$@" ;;
  stop) stop "${2:?dir}" ;;
  resolve) kafka_home "$KAFKA_VERSION" ;;
  *) usage ;;
esac
