"""lvmkit: keeps data on Linux LVM available when a server dies."""

VERSION = "0.1.0"
