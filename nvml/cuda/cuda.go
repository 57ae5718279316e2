package cuda

import (
	"errors"
	"fmt"
)

// Library is the driver's library, as the system's linker finds it.
const Library = "libcuda.so.1"

// Driver is the driver's library. It has threads of its own, and so stays loaded until the
// process ends.
type Driver interface {
	// CUDA is the newest CUDA that the driver serves: "12.8".
	CUDA() string
	// Devices are the GPUs that this process may use, by number: there is at least one.
	Devices() []Device
	// Use makes a GPU ready for work, with all kernels. It may take a second, and longer where
	// the driver compiles them for the first time.
	Use(device int) (GPU, error)
}

// Device is what the driver says of a GPU.
type Device struct {
	Number       int
	Name         string
	PCI          string // as sysfs names it: "0000:17:00.0"
	Major, Minor int    // compute capability
	SMs          int
	L2Bytes      int64
	MemoryBytes  int64

	sharedSM, sharedBlock int // bytes of shared memory of an SM, and that a block may have
}

// alone is the shared memory that a block must have for no other to fit on its SM.
func (d *Device) alone() int { return d.sharedSM/2 + 1024 }

// GPU is one that works. What is said to be queued is done in order, and the error of what
// fails then may come from a later call.
type GPU interface {
	// Close frees all that was made of the GPU.
	Close() error
	// Available is the number of bytes of its memory that are free.
	Available() (int64, error)

	Alloc(bytes int64) (Buffer, error)
	Free(Buffer) error
	// AllocHost makes memory of this host that GPUs copy to and from at full speed.
	AllocHost(bytes int64) (Host, error)
	FreeHost(Host) error

	// Launch queues a kernel.
	Launch(Kernel, Grid, ...uint64) error
	// ToDevice, ToHost and ToPeer queue copies; both sides must be of one size. The last
	// starts on this GPU, whose src is.
	ToDevice(dst Buffer, src Host) error
	ToHost(dst Host, src Buffer) error
	ToPeer(peer GPU, dst, src Buffer) error
	// Reach lets this GPU reach the memory of another, and says whether it can. Where not,
	// ToPeer goes by way of the host.
	Reach(peer GPU) (bool, error)

	// Wait returns when all that was queued is done.
	Wait() error
	// Time is how long what queue queues has taken, in microseconds, by two events before and
	// after it. It waits.
	Time(queue func() error) (us float64, err error)
	// Mark queues an event and waits for it.
	Mark() error
}

// Grid is how many blocks of how many threads run a kernel. Where blocks are Alone, none
// shares an SM with another, so that as many SMs work.
type Grid struct {
	Blocks, Threads int
	Alone           bool
}

// Threads are those of the largest block that all GPUs run.
const Threads = 1024

// Buffer is memory of a GPU. The zero value is none.
type Buffer struct {
	addr uint64
	n    int64
}

// Addr is the address, as kernels take it.
func (b Buffer) Addr() uint64 { return b.addr }

// Len is the size in bytes.
func (b Buffer) Len() int64 { return b.n }

// First is the first n bytes of the buffer. It panics if there are fewer.
func (b Buffer) First(n int64) Buffer {
	if n < 0 || n > b.n {
		panic(fmt.Sprintf("cuda: %d of %d bytes", n, b.n))
	}
	return Buffer{b.addr, n}
}

// Host is memory of this host that was made by AllocHost. The zero value is none.
type Host struct{ b []byte }

// Bytes are its bytes, valid until it is freed.
func (h Host) Bytes() []byte { return h.b }

// First is the first n bytes.
func (h Host) First(n int64) Host { return Host{h.b[:n]} }

// Error is what the driver answered.
type Error struct {
	Call string // "cuMemAlloc_v2"
	Code int
	Name string // "CUDA_ERROR_OUT_OF_MEMORY"
	Text string // in the driver's words
	Hint string // what to do, where that is known
	none bool   // there is nothing to be used
}

func (e *Error) Error() string {
	text := fmt.Sprintf("cuda: %s: %s (%d), %s", e.Call, e.Name, e.Code, e.Text)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// ErrTaken: a GPU is another's, which has it for itself or has filled its memory, or nobody may use it.
var ErrTaken = errors.New("cuda: the GPU may not be used")

// CUDA_ERROR_OUT_OF_MEMORY and CUDA_ERROR_DEVICE_UNAVAILABLE.
const full, taken = 2, 46

// Is says that an error is errors.ErrUnsupported where there is no driver or no GPU, and ErrTaken.
func (e *Error) Is(target error) bool {
	return e.none && target == errors.ErrUnsupported || (e.Code == taken || e.Code == full) && target == ErrTaken
}

// missing is what this machine does not have.
type missing string

func (m missing) Error() string        { return "cuda: " + string(m) }
func (m missing) Is(target error) bool { return target == errors.ErrUnsupported }
