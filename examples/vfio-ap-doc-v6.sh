# The same example as the first version of the documentation had it: each queue unbound and bound by hand, no masks.
#   apemu shell --bare --kernel doc-v6 examples/two-guests.yaml examples/vfio-ap-doc-v6.sh
set -e

for queue in 05.0004 05.0047 05.00ab 05.00ff 06.0004 06.00ab; do
  echo $queue > /sys/bus/ap/drivers/cex4queue/unbind
  echo $queue > /sys/bus/ap/drivers/vfio_ap/bind
done

cd /sys/devices/vfio_ap/matrix
uuid1=$(uuidgen)
uuid2=$(uuidgen)
echo $uuid1 > mdev_supported_types/vfio_ap-passthrough/create
echo $uuid2 > mdev_supported_types/vfio_ap-passthrough/create

for adapter in 5 6; do echo $adapter > $uuid1/assign_adapter; done
for domain in 4 0xab; do echo $domain > $uuid1/assign_domain; done
echo 5 > $uuid2/assign_adapter
for domain in 0x47 0xff; do echo $domain > $uuid2/assign_domain; done
cat $uuid1/matrix
cat $uuid2/matrix

guest start Guest1 $uuid1
guest start Guest2 $uuid2
guest lszcrypt Guest1
guest lszcrypt Guest2
guest stop Guest1
guest stop Guest2

echo 1 > $uuid1/remove
echo 1 > $uuid2/remove
for queue in 05.0004 05.0047 05.00ab 05.00ff 06.0004 06.00ab; do
  echo $queue > /sys/bus/ap/drivers/vfio_ap/unbind
  echo $queue > /sys/bus/ap/drivers_probe
done
lszcrypt
