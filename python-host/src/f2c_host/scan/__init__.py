"""Files of many images, read once into an index. Nothing here decodes an image, and nothing needs torch: a scan runs in a process
of its own, which a broken file may end."""
