# Installs what is missing, and says what and why. Sourced by run.sh and test.sh; does nothing when all is there.
# Debian 12 and newer, Ubuntu 24.04 and newer.

build_packages() {
    cat <<'LIST'
g++                   the compiler
cmake                 the build
ninja-build           the build
pkg-config            the build, to find libmnl
BOOST                 Asio, Beast and JSON, headers only
libyaml-cpp-dev       the YAML parser
prometheus-cpp-dev    the metrics page
libcli11-dev          the command line
libfmt-dev            text
libspdlog-dev         the log
libmnl-dev            netlink: what the kernel says of connections
libgtest-dev          unit tests; the build is configured with them
netcat-openbsd        to try the houses by hand
curl                  to try the houses by hand
LIST
}

test_packages() {
    build_packages
    cat <<'LIST'
python3               end-to-end tests and the Python handler
haproxy               the benchmark's peers, and the examples with haproxy
nginx-light           the benchmark's peers, and the example with nginx
libnginx-mod-stream   the benchmark's peers
nodejs                the dialect node and the examples with it
gunicorn              the example with it
redis-server          the example of a relay
redis-tools           redis-benchmark for that example
dnsmasq-base          the example of a relay over UDP
dnsperf               the questions for that example
prometheus            the dashboards' queries and alert rules are tried on the real one
clang                 the fuzz targets are compiled with it
libclang-rt-dev       the fuzz targets: libFuzzer and the sanitizers
iproute2              network namespaces for tests
procps                prlimit and ps for tests
git                   config/examples/spawn-git.yaml
tftpd-hpa             config/examples/spawn-tftp.yaml
tftp-hpa              its client
ucspi-tcp             config/examples/spawn-ucspi.yaml
LIST
}

# Debian 12 has 1.81 beside its older default; newer systems have only a newer default.
boost_package() {
    if apt-cache show libboost1.81-dev >/dev/null 2>&1; then echo libboost1.81-dev; else echo libboost-dev; fi
}

is_installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages LIST: LIST is the output of one of the functions above.
install_packages() {
    missing=
    while read -r name reason; do
        if [ "$name" = BOOST ]; then
            is_installed libboost1.81-dev || is_installed libboost-dev || is_installed libboost1.83-dev || missing="$missing BOOST"
        elif ! is_installed "$name"; then
            printf 'missing: %-22s %s\n' "$name" "$reason"
            missing="$missing $name"
        fi
    done <<LIST_END
$1
LIST_END
    [ -n "$missing" ] || return 0
    echo "installing with apt:$missing"
    as_root apt-get update -qq
    wanted=
    for name in $missing; do
        [ "$name" = BOOST ] && name=$(boost_package)
        wanted="$wanted $name"
    done
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted
}
