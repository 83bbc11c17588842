#!/usr/bin/env bash
# Hands crypto cards of a host over to passthrough, as a machine does it once at its first boot: a unit file would call this.
# Usage: set-up-cards.sh CARD... (hexadecimal, as lszcrypt shows them)
set -euo pipefail

readonly conf_dir=/etc/cex-passthrough
readonly vfio_domains=("0004" "00ab")
declare -A released=()

log() {
    local level=$1
    shift
    printf '%-5s %s\n' "${level^^}" "$*" >&2
}

die() {
    log error "$@"
    exit 1
}

cleanup() {
    local status=$?
    [[ -n ${work:-} && -d $work ]] && rm -rf "$work"
    log info "finished with status $status"
}
trap cleanup EXIT

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || die "$tool is missing"
    done
}

# 05 or 5 or 0x5 becomes 5.
number_of() {
    local text=${1#0x}
    [[ $text =~ ^[0-9a-fA-F]{1,2}$ ]] || return 1
    echo $((16#$text))
}

is_crypto_card() {
    local path=/sys/bus/ap/devices/card$(printf '%02x' "$1")
    [[ -d $path ]] || return 1
    case "$(<"$path/type")" in
        CEX[4-8][ACP]) return 0 ;;
        *) return 1 ;;
    esac
}

release_card() {
    local id=$1
    if ! echo "-$id" > /sys/bus/ap/apmask; then
        log warn "card $id stays with the host"
        return 1
    fi
    released[$id]=yes
}

need lszcrypt modprobe mdevctl
[[ $# -gt 0 ]] || die "which cards?"
sudo modprobe vfio_ap
work=$(mktemp -d)

for card in "$@"; do
    id=$(number_of "$card") || die "no card number: $card"
    if is_crypto_card "$id"; then
        release_card "$id" || true
    else
        log warn "no crypto card $card here"
    fi
done

if (( ${#released[@]} == 0 )); then
    die "nothing was released"
fi

mkdir -p "$conf_dir"
cat > "$conf_dir/cards.conf" <<CONF
# written by ${0##*/}
cards=$(IFS=,; echo "${!released[*]}")
domains=${vfio_domains[*]}
mask=$(cut -c 1-18 /sys/bus/ap/apmask)
CONF

lszcrypt -V > "$work/all"
while read -r device _ _ status _; do
    [[ $device == *.* ]] || continue
    for domain in "${vfio_domains[@]}"; do
        if [[ ${device#*.} == "$domain" ]]; then
            echo "$device $status"
        fi
    done
done < "$work/all" | sort -u | sed 's/^/queue /'
sed -n '/^[^#]/p' "$conf_dir/cards.conf"
