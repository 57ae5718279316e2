// Package fabric says what networks a machine has: its interfaces, its InfiniBand, RoCE and
// EFA devices with their ports, and where on the PCI bus and near which memory they are. It
// reads sysfs below a root that tests choose, and changes nothing. Only Linux has sysfs.
//
// Every attribute is a file and an answer of its own. A file that a device does not have, or
// for which the kernel has no value, is not supported; one that cannot be read, that is not
// understood or whose device went away meanwhile could not be told. Neither hides the rest.
// prometheus/procfs reads the same files by the device: one broken counter costs it all of
// them, and what is missing looks like what cannot be read. It is what tests compare with.
//
// What is found is that of this process's network namespace and of the sysfs that it sees,
// which in a container may be a part of the machine's.
//
// Counters are read apart from all else, since they are wanted often: see Reader. All
// functions may be called from any goroutine. None waits for a file that has nothing to say,
// but a driver answers a read in its own time, often by asking its device.
package fabric
