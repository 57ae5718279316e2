//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"
	"sync"
	"time"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

// Open loads the driver's libnvidia-ml.so.1. Where there is none the error is
// errors.ErrUnsupported; any other says what is wrong with the driver and what to do. The
// caller closes the library.
func Open() (Library, error) {
	lib := gonvml.New()
	return open(lib, func(symbol string) bool { return lib.Extensions().LookupSymbol(symbol) == nil })
}

// library calls NVML only where has says that the symbol is there: go-nvml links lazily, and
// a call of a symbol that is missing ends the process. Symbols that NVML has in versions
// (nvmlInit_v2) are asked for without one: every driver keeps the first for old programs.
type library struct {
	mu      sync.Mutex
	nvml    gonvml.Interface
	lookup  func(symbol string) bool
	found   map[string]bool
	now     func() time.Time
	devices []*device
	closed  bool
}

// device is a GPU. Its methods that are not exported are called with the library's lock held.
type device struct {
	lib    *library
	number int           // among those that this process may use
	handle gonvml.Device // nil where gone is not
	gone   error         // why the GPU is asked nothing any more
	pci    answer.Of[string]
	mig    bool
	links  answer.Of[int] // how many it has
	ends   map[int]end    // of links that were up, which may take hundreds of calls to ask again
	summed map[uint32]int // links that a field was last summed over
	gpm    gpm
	events gonvml.EventSet
	deaf   error // why there is no set of events
}

func open(lib gonvml.Interface, has func(symbol string) bool) (Library, error) {
	if ret := lib.Init(); ret != gonvml.SUCCESS {
		// No call is safe now: the library may not even be loaded.
		return nil, failedInit(ret)
	}
	l := &library{nvml: lib, lookup: has, found: map[string]bool{}, now: time.Now}
	count := of(l, "nvmlDeviceGetCount", lib.DeviceGetCount)
	if err := count.Err(); err != nil {
		lib.Shutdown()
		return nil, fmt.Errorf("nvml: cannot count GPUs: %w", err)
	}
	for i := range count.Or(0) {
		if d := l.device(i); d != nil {
			l.devices = append(l.devices, d)
		}
	}
	if n := count.Or(0); n > 0 && len(l.devices) == 0 {
		lib.Shutdown()
		return nil, answer.Unknown[Library](fmt.Sprintf("there are %d GPUs, of which this process may use none: a control group, or permissions of /dev/nvidia*", n)).Err()
	}
	return l, nil
}

// failedInit says what to do.
func failedInit(ret gonvml.Return) error {
	todo := "look for lines of NVRM in the kernel's log"
	switch ret {
	case gonvml.ERROR_LIBRARY_NOT_FOUND:
		return answer.None[Library]("libnvidia-ml.so.1 is not here: no NVIDIA driver").Err()
	case gonvml.ERROR_DRIVER_NOT_LOADED:
		todo = "load the driver (modprobe nvidia), or start the container with its GPUs"
	case gonvml.ERROR_LIB_RM_VERSION_MISMATCH:
		todo = "the driver was updated under a running kernel module: reload the module or reboot"
	case gonvml.ERROR_NO_PERMISSION, gonvml.ERROR_OPERATING_SYSTEM:
		todo = "this user or container may not open /dev/nvidiactl: allow it"
	case gonvml.ERROR_GPU_IS_LOST:
		todo = "a GPU fell off the bus: reset it or reboot"
	}
	return fmt.Errorf("nvml: nvmlInit: %w: %s", ret, todo)
}

// device is NVML's number i, nil where a control group keeps it from this process: NVML counts such GPUs too.
func (l *library) device(i int) *device {
	d := &device{lib: l, number: len(l.devices), ends: map[int]end{}, summed: map[uint32]int{}}
	refused := false
	handle := of(l, "nvmlDeviceGetHandleByIndex", func() (gonvml.Device, gonvml.Return) {
		g, ret := l.nvml.DeviceGetHandleByIndex(i)
		refused = ret == gonvml.ERROR_NO_PERMISSION
		return g, ret
	})
	if refused {
		return nil
	}
	d.handle, d.gone = handle.Or(nil), handle.Err()
	d.pci = then(ask(d, "nvmlDeviceGetPciInfo", gonvml.Device.GetPciInfo), place)
	d.mig = d.isMIG().Or(false)
	d.deaf = d.listen()
	return d
}

func (l *library) has(symbol string) bool {
	found, asked := l.found[symbol]
	if !asked {
		found = l.lookup(symbol)
		l.found[symbol] = found
	}
	return found
}

func (l *library) System() System {
	l.mu.Lock()
	defer l.mu.Unlock()
	cuda := of(l, "nvmlSystemGetCudaDriverVersion", l.nvml.SystemGetCudaDriverVersion)
	return System{
		Driver: of(l, "nvmlSystemGetDriverVersion", l.nvml.SystemGetDriverVersion),
		CUDA: answer.Map(cuda, func(v int) string { // 12080 is 12.8
			return fmt.Sprintf("%d.%d", v/1000, v%1000/10)
		}),
		NVML: of(l, "nvmlSystemGetNVMLVersion", l.nvml.SystemGetNVMLVersion),
	}
}

func (l *library) Devices() []Device {
	all := make([]Device, len(l.devices))
	for i, d := range l.devices {
		all[i] = d
	}
	return all
}

func (l *library) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var errs []error
	done := func(symbol string, ret gonvml.Return) {
		if ret != gonvml.SUCCESS {
			errs = append(errs, fmt.Errorf("nvml: %s: %w", symbol, ret))
		}
	}
	for _, d := range l.devices {
		if d.events != nil {
			done("nvmlEventSetFree", d.events.Free())
		}
		for _, s := range []gonvml.GpmSample{d.gpm.last, d.gpm.spare} {
			if s != nil {
				done("nvmlGpmSampleFree", s.Free())
			}
		}
	}
	done("nvmlShutdown", l.nvml.Shutdown())
	return errors.Join(errs...)
}
