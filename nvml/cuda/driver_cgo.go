//go:build cgo && linux

package cuda

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "driver.h"
import "C"

import (
	"cmp"
	"fmt"
	"strings"
	"unsafe"
)

type driver struct {
	c       C.struct_driver
	cuda    string
	devices []Device
}

// Open opens the driver's library by its path; "" is Library.
func Open(path string) (Driver, error) {
	path = cmp.Or(path, Library)
	d := &driver{}
	var why [512]C.char
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	switch C.open_driver(&d.c, name, &why[0], C.size_t(len(why))) {
	case 1:
		if text := C.GoString(&why[0]); !strings.HasPrefix(text, path+": ") || !strings.Contains(text, "No such file") { // which may be one that it needs
			return nil, missing(fmt.Sprintf("%s cannot be loaded: %s", path, text))
		}
		return nil, missing(path + " is not here: no NVIDIA driver")
	case 2:
		return nil, missing(fmt.Sprintf("%s has no %s: a driver that is too old, or none of NVIDIA's", path, C.GoString(&why[0])))
	}
	if err := d.fail("cuInit", C.on_cuInit(&d.c, 0, 0)); err != nil {
		return nil, err
	}
	var version C.int
	if err := d.fail("cuDriverGetVersion", C.on_cuDriverGetVersion(&d.c, 0, &version)); err != nil {
		return nil, err
	}
	d.cuda = fmt.Sprintf("%d.%d", version/1000, version%1000/10)
	return d, d.find()
}

// find asks for all devices.
func (d *driver) find() error {
	var count C.int
	if err := d.fail("cuDeviceGetCount", C.on_cuDeviceGetCount(&d.c, 0, &count)); err != nil {
		return err
	}
	if count < 1 {
		return missing("there is a driver, but no NVIDIA GPU that this process may use")
	}
	for n := range int(count) {
		device, err := d.device(n)
		if err != nil {
			return fmt.Errorf("GPU %d: %w", n, err)
		}
		d.devices = append(d.devices, device)
	}
	return nil
}

func (d *driver) device(n int) (device Device, err error) {
	var (
		handle C.int
		text   [256]C.char
		bytes  C.size_t
	)
	// The first error is the one to tell: what comes after it is not asked.
	ask := func(call string, f func() C.int) {
		if err == nil {
			err = d.fail(call, f())
		}
	}
	attribute := func(number C.int) int {
		var v C.int
		ask("cuDeviceGetAttribute", func() C.int { return C.on_cuDeviceGetAttribute(&d.c, 0, &v, number, handle) })
		return int(v)
	}
	ask("cuDeviceGet", func() C.int { return C.on_cuDeviceGet(&d.c, 0, &handle, C.int(n)) })
	ask("cuDeviceGetName", func() C.int { return C.on_cuDeviceGetName(&d.c, 0, &text[0], C.int(len(text)), handle) })
	name := C.GoString(&text[0])
	ask("cuDeviceGetPCIBusId", func() C.int { return C.on_cuDeviceGetPCIBusId(&d.c, 0, &text[0], C.int(len(text)), handle) })
	ask("cuDeviceTotalMem_v2", func() C.int { return C.on_cuDeviceTotalMem_v2(&d.c, 0, &bytes, handle) })
	return Device{
		Number: n, Name: name, PCI: strings.ToLower(C.GoString(&text[0])), MemoryBytes: int64(bytes),
		Major: attribute(C.CAPABILITY_MAJOR), Minor: attribute(C.CAPABILITY_MINOR),
		SMs: attribute(C.MULTIPROCESSOR_COUNT), L2Bytes: int64(attribute(C.L2_CACHE_SIZE)),
		sharedSM: attribute(C.SHARED_MEMORY_PER_MULTIPROCESSOR), sharedBlock: attribute(C.SHARED_MEMORY_PER_BLOCK_OPTIN),
	}, err
}

func (d *driver) CUDA() string      { return d.cuda }
func (d *driver) Devices() []Device { return d.devices }

// fail is nil where a call went well.
func (d *driver) fail(call string, code C.int) error {
	if code == 0 {
		return nil
	}
	e := &Error{Call: call, Code: int(code), Name: "unknown", Text: "which the driver has no words for"}
	var text *C.char
	if C.on_cuGetErrorName(&d.c, 0, code, &text) == 0 && text != nil {
		e.Name = C.GoString(text)
	}
	if C.on_cuGetErrorString(&d.c, 0, code, &text) == 0 && text != nil {
		e.Text = C.GoString(text)
	}
	switch code {
	case C.OUT_OF_MEMORY:
		e.Hint = "take fewer bytes, or end what else uses this GPU"
	case C.DEVICE_UNAVAILABLE:
		e.Hint = "another process has the GPU for itself (exclusive compute mode), or nobody may use it"
	case C.NO_DEVICE:
		e.Hint, e.none = "no NVIDIA GPU is here, or this process may use none", true
	case C.STUB_LIBRARY:
		e.Hint, e.none = "the library is the one that programs are linked with, not a driver", true
	case C.INVALID_IMAGE, C.NO_BINARY_FOR_GPU, C.INVALID_PTX, C.UNSUPPORTED_PTX_VERSION:
		e.Hint = fmt.Sprintf("the driver, which serves CUDA %s, cannot compile the kernels: they need 11.0 on GPUs of compute capability 8, 11.8 on later ones", d.cuda)
	case C.JIT_COMPILER_NOT_FOUND:
		e.Hint = "libnvidia-ptxjitcompiler.so.1, a part of the driver, is not here"
	case C.SYSTEM_NOT_READY:
		e.Hint = "on a board with NVSwitch nvidia-fabricmanager must be running (commbench probe shows the state of the fabric), and with confidential computing the GPUs must have been made ready"
	case C.SYSTEM_DRIVER_MISMATCH:
		e.Hint = "the library and the kernel's module are of different drivers: restart the machine after an update"
	}
	return e
}
