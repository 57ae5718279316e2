package numa

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Pin ties the calling goroutine to its thread and the thread to a CPU, until
// unpin, which the same goroutine calls; a second call of unpin is a no-op. Pins
// nest: the last one is undone first. After an error of Pin nothing has changed.
//
// After an error of unpin the goroutine stays tied to the thread, so that no
// other runs on a pinned one; the thread ends with the goroutine.
func Pin(cpu int) (unpin func() error, err error) {
	if cpu < 0 || cpu >= maxCPUs {
		return nil, fmt.Errorf("numa: pin to CPU %d: expected one of 0 to %d", cpu, maxCPUs-1)
	}
	// First the goroutine, or another thread's affinity could be set. It also keeps
	// the runtime from starting threads from this one, which would inherit the pin.
	runtime.LockOSThread()
	before, err := affinity()
	if err == nil {
		err = setAffinity(cpu, before)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("numa: pin to CPU %d: %w", cpu, err)
	}
	thread, done := unix.Gettid(), false
	return func() error {
		if done {
			return nil
		}
		if unix.Gettid() != thread {
			return fmt.Errorf("numa: unpin from CPU %d: called by another goroutine than Pin was", cpu)
		}
		if err := unix.SchedSetaffinityDynamic(0, before); err != nil {
			return fmt.Errorf("numa: unpin from CPU %d: back to CPUs %s: sched_setaffinity: %w", cpu, formatList(listOf(before)), err)
		}
		done = true
		runtime.UnlockOSThread()
		return nil
	}, nil
}

func setAffinity(cpu int, before unix.CPUSetDynamic) error {
	one := unix.NewCPUSet(cpu + 1)
	one.Set(cpu)
	err := unix.SchedSetaffinityDynamic(0, one)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("sched_setaffinity: %w: it is not there, or not for this process, which may use CPUs %s", err, formatList(listOf(before)))
	}
	if err != nil {
		return fmt.Errorf("sched_setaffinity: %w", refused(err))
	}
	return nil
}
