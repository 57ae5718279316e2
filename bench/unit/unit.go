package unit

// Bytes is a number of bytes. It prints as "7,392 B" or, decimal, "1.23 GB".
type Bytes int64

// GB is the size in decimal gigabytes, 1e9 bytes.
func (b Bytes) GB() float64 { return float64(b) / 1e9 }

// String has three significant digits from 10 kB on; below, the exact count,
// because the bytes of one token are a definition and not a measurement.
func (b Bytes) String() string {
	if b > -10_000 && b < 10_000 {
		return Count(int64(b)) + " B"
	}
	v, name := float64(b), "B"
	for _, name = range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		if v /= 1000; v > -999.5 && v < 999.5 {
			break
		}
	}
	return Number(v) + " " + name
}

// GBps is a bandwidth in decimal gigabytes (1e9 bytes) a second. It prints as
// "27.2 GB/s".
type GBps float64

// Rate is the bandwidth that moves the given bytes in the given time:
// bytes / time. It is not finite when the time is 0.
func Rate(bytes float64, time Micros) GBps { return GBps(bytes / float64(time) / 1e3) }

// BytesPerSecond is the bandwidth in bytes a second.
func (r GBps) BytesPerSecond() float64 { return float64(r) * 1e9 }

func (r GBps) String() string { return Number(float64(r)) + " GB/s" }

// Micros is a time in microseconds. It prints as "1,530 us".
type Micros float64

// Nanoseconds is the time in nanoseconds.
func (t Micros) Nanoseconds() float64 { return float64(t) * 1e3 }

func (t Micros) String() string { return Number(float64(t)) + " us" }
