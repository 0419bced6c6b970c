package load

// descriptorReserve is what a process needs beside its connections: the standard
// three, the poller, pipes, a file being read.
const descriptorReserve = 100
