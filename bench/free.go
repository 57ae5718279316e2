package bench

// FreeMemory is the memory, in bytes, that the machine and the control group
// that the process is in still have; 0 is unknown.
func FreeMemory() int64 { return available() }
