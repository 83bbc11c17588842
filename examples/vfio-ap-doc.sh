# The example of the Linux documentation (Documentation/arch/s390/vfio-ap.rst), typed as there, for both guests.
#   apemu shell --bare examples/two-guests.yaml examples/vfio-ap-doc.sh
set -e

echo '## Before: every queue is the host'\''s'
lszcrypt

echo '## Reserve the queues for vfio_ap (today by the masks; bind alone is refused)'
cd /sys/bus/ap/drivers
echo 05.0004 > cex4queue/unbind
echo 05.0004 > vfio_ap/bind || echo "refused: status $?"
echo -5,-6 > /sys/bus/ap/apmask
echo 05.0004 > /sys/bus/ap/drivers_probe # it lost its driver above, and a mask edit leaves such queues alone
ls -1 /sys/bus/ap/drivers/vfio_ap | grep '^0'

echo '## Create the mediated devices'
cd /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough
cat name device_api available_instances
uuidgen > create
uuidgen > create
uuid1=$(ls devices | head -n 1)
uuid2=$(ls devices | tail -n 1)
cat available_instances

echo '## Guest1: adapters 5 and 6, domains 4 and 0xab'
cd /sys/devices/vfio_ap/matrix/$uuid1
echo 5 > assign_adapter
echo 6 > assign_adapter
echo 4 > assign_domain
echo 0xab > assign_domain
cat matrix

echo '## Guest2: adapter 5, domains 0x47 and 0xff; a mistake is undone by unassign'
cd /sys/devices/vfio_ap/matrix/$uuid2
echo 5 > assign_adapter
echo 0x47 > assign_domain
echo 0xab > assign_domain || echo "05.00ab is Guest1's: status $?"
echo 0xfe > assign_domain
echo 0xfe > unassign_domain
echo 0xff > assign_domain
cat matrix

echo '## Start the guests'
guest start Guest1 -device vfio-ap,sysfsdev=/sys/devices/vfio_ap/matrix/$uuid1
guest start Guest2 -device vfio-ap,sysfsdev=/sys/devices/vfio_ap/matrix/$uuid2
guest list
guest lszcrypt Guest1
guest lszcrypt Guest2
lszcrypt -V | cut -c 1-37

echo '## Shut down; remove the mediated devices'
echo 1 > /sys/devices/vfio_ap/matrix/$uuid1/remove
jobs
guest stop Guest1
guest stop Guest2
echo 1 > /sys/devices/vfio_ap/matrix/$uuid2/remove
cat /sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/available_instances

echo '## Give the queues back: unbind, then the bus decides'
echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/unbind
echo +5,+6 > /sys/bus/ap/apmask
readlink /sys/bus/ap/devices/05.0004/driver || echo 05.0004 > /sys/bus/ap/drivers_probe
readlink /sys/bus/ap/devices/05.0004/driver

echo '## The documentation'\''s Example 1 is valid, Example 2 is not'
echo -1,-2 > /sys/bus/ap/apmask
cd /sys/devices/vfio_ap/matrix
for guest in 1 2; do
  uuidgen > mdev_supported_types/vfio_ap-passthrough/create
done
uuid1=$(ls | grep -- - | head -n 1)
uuid2=$(ls | grep -- - | tail -n 1)
for n in 1 2; do
  echo $n > $uuid1/assign_adapter
  echo $n > $uuid2/assign_adapter
done
for n in 5 6; do echo $n > $uuid1/assign_domain; done
echo 7 > $uuid2/assign_domain
cat $uuid1/matrix $uuid2/matrix
echo 2 > $uuid2/unassign_adapter
if echo 6 > $uuid2/assign_domain; then
  echo 'APQN 01.0006 is shared: this must not be'
  exit 1
fi
dmesg | tail -n 1
