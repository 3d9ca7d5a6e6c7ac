#!/bin/sh
# Adds what the last run of the fuzz targets has found to the kept corpora, and keeps as few files as reach all the code
# that they reach together: tests/fuzz/minimise.sh BUILD
set -eu
build=$(realpath "$1")/fuzz
cd "$(dirname "$0")/corpus"
for target in *; do
    fresh=$(mktemp -d)
    (cd "$build/run/$target" && "$build/$target" -set_cover_merge=1 -timeout=20 "$fresh" "$OLDPWD/$target" found)
    rm -rf "$target"
    mv "$fresh" "$target"
    chmod 755 "$target"
    chmod 644 "$target"/*
done
