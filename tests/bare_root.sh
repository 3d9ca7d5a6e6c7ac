#!/bin/sh
# Proves the package lists: a bare Debian in a folder, this checkout in it, ./test.sh. Needs root and debootstrap.
#   tests/bare_root.sh [FOLDER] [ARGUMENTS OF test.sh]      SUITE=bookworm MIRROR=... KEEP=1
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d /var/tmp/portier-bare-root.XXXXXX)}
[ $# -eq 0 ] || shift
suite=${SUITE:-bookworm}

leave() {
    for mounted in dev/pts dev proc sys; do umount -q "$folder/$mounted" 2>/dev/null || true; done
    [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$folder"
}
trap leave EXIT

echo "bare $suite in $folder"
debootstrap --variant=minbase "$suite" "$folder" ${MIRROR:+"$MIRROR"}
# Where packages come from, and through what, is a matter of this machine.
cp /etc/resolv.conf "$folder/etc/resolv.conf"
cp -r /etc/apt/apt.conf.d/. "$folder/etc/apt/apt.conf.d/" 2>/dev/null || true
rm -f "$folder/etc/apt/sources.list"
cp -r /etc/apt/sources.list* "$folder/etc/apt/" 2>/dev/null || true
mkdir -p "$folder/etc/ssl/certs" "$folder/usr/local/share/ca-certificates"
cp -rL /etc/ssl/certs/. "$folder/etc/ssl/certs/" 2>/dev/null || true
# The installer writes this one, or whoever starts a container.
printf '127.0.0.1 localhost\n::1 localhost\n' >"$folder/etc/hosts"
mkdir "$folder/src"
git -C "$top" archive HEAD | tar -x -C "$folder/src"

mount -t proc proc "$folder/proc"
mount -t sysfs sys "$folder/sys"
mount --bind /dev "$folder/dev"
mount -t devpts devpts "$folder/dev/pts"
# A daemon that a package brings must not start in here.
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"
chroot "$folder" /bin/sh -c "cd /src && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ${http_proxy:+http_proxy=$http_proxy} ./test.sh $*"
