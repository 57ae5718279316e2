package watch

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/nvml/answer"
)

// threadTime is the CPU time of this thread.
func threadTime() answer.Of[time.Duration] {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return answer.From(time.Duration(u.Utime.Nano()+u.Stime.Nano()), err)
}
