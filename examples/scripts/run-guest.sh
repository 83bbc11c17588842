#!/bin/bash
# Makes a mediated device for a container's virtual machine, gives it queues, checks that the vfio group is there, runs the guest, and
# takes everything away again.
# Usage: run-guest.sh GUEST "05.0004 05.00ab …"
set -o errexit -o nounset -o pipefail

guest=${1:?a guest}
queues=${2:?queues, such as 05.0004}
matrix=/sys/devices/vfio_ap/matrix
create=$matrix/mdev_supported_types/vfio_ap-passthrough/create
uuid=$(uuidgen)

info() { echo "[${0##*/}] $*"; }

release() {
    local was=$?
    if [ -d "$matrix/$uuid" ]; then
        guest stop "$guest" 2>/dev/null || :
        echo 1 | sudo tee "$matrix/$uuid/remove" > /dev/null
    fi
    trap - EXIT
    exit $was
}
trap release EXIT
trap 'info "line failed with $?"' ERR

assign() {
    local kind=$1 value=$2
    # Assigning twice is no mistake, as two queues share a card.
    sudo sh -c "echo 0x$value > $matrix/$uuid/assign_$kind"
}

if ! lsmod | grep -q '^vfio_ap'; then
    sudo modprobe vfio_ap
fi

echo "$uuid" | sudo tee "$create" > /dev/null
info "made ${uuid:0:8}"
for queue in $queues; do
    IFS=. read -r card domain <<< "$queue"
    card=${card,,} domain=$(printf '%02x' "$((16#$domain))")
    assign adapter "$card"
    assign domain "$domain"
done

IFS=$'\n' read -r -d '' -a assigned < "$matrix/$uuid/matrix" || [ ${#assigned[@]} -gt 0 ]
info "${#assigned[@]} queues: ${assigned[*]//./:}"

group=$(basename "$(readlink -f "$matrix/$uuid/iommu_group")")
for try in {1..5}; do
    [ -c "/dev/vfio/$group" ] && break
    info "try $try: no group yet"
    sleep 1
done
[ -c "/dev/vfio/$group" ] || { info "no vfio group $group"; exit 1; }

guest start "$guest" "$uuid"
seen=$(guest lszcrypt "$guest" | awk 'NR > 2 && $1 ~ /\./ { n++ } END { print n + 0 }')
info "the guest sees $seen"
if [ "$seen" -ne "${#assigned[@]}" ]; then
    exit 2
fi
