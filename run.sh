#!/bin/sh
# Builds portier and runs it: ./run.sh [CONFIGURATION] [ARGUMENTS OF portier run]
set -eu
cd "$(dirname "$0")"
. .ci/packages.sh

install_packages "$(build_packages)"
echo "configuring and building a release in build/"
cmake --preset release
cmake --build --preset release --parallel "$(nproc)" --target portier handlers

config=config/houses.yaml
if [ $# -gt 0 ]; then config=$1; shift; fi
if [ "$config" = config/houses.yaml ]; then
    cat <<'TEXT'

The street is open as soon as portier says "running". Try it from another terminal:
  veg house      nc localhost 7001          then: menu, order dosa, order kebab, bye
                 echo "order dosa" | nc -u -w1 localhost 7001
  non-veg house  nc localhost 7002          then: menu, order kebab, bye
  chat           nc localhost 7003          in two terminals: /name anna, then talk
  push           http://localhost:7004/     and: curl -d 'the cab has arrived' localhost:7004/topic/cab
  the street     http://localhost:7000/     or: build/portier status
Change config/houses.yaml and type build/portier reload. Ctrl-C ends everything.

TEXT
fi
echo "starting: build/portier run $config $*"
exec build/portier run "$config" "$@"
