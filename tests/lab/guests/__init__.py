"""The lab: real Debian guests in QEMU, built by the project, that tests and the demo run in. See ../README.md."""
