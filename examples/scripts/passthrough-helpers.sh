# Helpers of a test suite for passthrough, to be sourced, and a run of them with --test.
# Every helper says "PASS" or "FAIL" with its name, and the last line sums up.

matrix=/sys/devices/vfio_ap/matrix
passed=0 failed=0

check() {
    local name=$1 wanted=$2
    shift 2
    local output status=0
    output=$("$@" 2>&1) || status=$?
    case $wanted in
        ok)    [[ $status -eq 0 ]] ;;
        fails) [[ $status -ne 0 ]] ;;
        =*)    [[ $output == "${wanted#=}" ]] ;;
        ~*)    [[ $output =~ ${wanted#\~} ]] ;;
        *)     false ;;
    esac
    if (( $? == 0 )); then
        (( ++passed ))
        echo "PASS: $name"
    else
        (( failed += 1 ))
        echo "FAIL: $name (status $status): ${output//$'\n'/ | }"
    fi
}

card_types() {
    local card
    for card in /sys/bus/ap/devices/card??; do
        printf '%s=%s\n' "${card##*card}" "$(cat "$card/type")"
    done
}

write_attribute() { echo "$2" > "$1"; }

host_queues() {
    lszcrypt -V | grep -E '^[0-9a-f]{2}\.[0-9a-f]{4}' | awk '{ print $1 }' | xargs
}

free_queue_masks() {
    local what=$1
    shift
    local -a changes=()
    for id; do changes+=("-$id"); done
    local IFS=,
    echo "${changes[*]}" > "/sys/bus/ap/$what"
}

with_mdev() {
    local uuid=$1 status
    shift
    echo "$uuid" > "$matrix/mdev_supported_types/vfio_ap-passthrough/create"
    "$@" "$matrix/$uuid"
    status=$?
    echo 1 > "$matrix/$uuid/remove"
    return $status
}

assign_and_show() {
    local path=$1
    for pair in adapter=6 domain=0x47; do
        echo "${pair#*=}" > "$path/assign_${pair%=*}" || return
    done
    paste_lines < "$path/matrix"
}

paste_lines() {
    local line sep=
    while IFS= read -r line || [[ -n $line ]]; do
        printf '%s%s' "$sep" "$line"
        sep=,
    done
    echo
}

if [ "${1-}" = --test ]; then
    check "card types" '~^05=CEX.[ACP]' card_types
    check "queues of the host" ok host_queues
    check "free a card" ok free_queue_masks apmask 6
    check "free a card in use" fails write_attribute /sys/bus/ap/apmask +5
    check "an mdev shows its queue" =06.0047 with_mdev 11111111-2222-4333-8444-555555555555 assign_and_show
    check "an mdev that is there" "~File exists" write_attribute "$matrix/mdev_supported_types/vfio_ap-passthrough/create" "$Guest1"
    check "no such card" "~No such device" write_attribute "$matrix/$Guest1/assign_adapter" 300
    check "a file that is not there" "~No such file" cat /sys/bus/ap/nope
    echo "$passed passed, $failed failed"
    $([ "$failed" -eq 0 ])
fi
