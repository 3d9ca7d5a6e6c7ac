#!/bin/sh
# Builds portier and passes its tests: ./test.sh [ARGUMENTS OF ctest], for example ./test.sh -R keeper
# PRESET=asan (or tsan, dev) builds and tests that one instead of the release.
set -eu
cd "$(dirname "$0")"
. .ci/packages.sh

preset=${PRESET:-release}
install_packages "$(test_packages)"
echo "configuring and building the $preset preset"
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$(nproc)"
echo "testing"
ctest --preset "$preset" --timeout 600 "$@"
