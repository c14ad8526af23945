"""One driver's session, out of sockets or out of a recording: what was set up by name, and the answer to each request."""
