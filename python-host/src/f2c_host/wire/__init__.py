"""What travels between the driver and this host: frames, the tables of messages, and errors as a message tells them."""
