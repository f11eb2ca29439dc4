"""What touches disks: LVM, device-mapper, the stack below a mount point, bounded reads, /etc/lkvgs."""
