"""The QEMU lab of vmq: a guest with a multiqueue virtio-net, its tap side, and traffic between them."""
