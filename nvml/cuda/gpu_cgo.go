//go:build cgo && linux

package cuda

// #include <stdlib.h>
// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

type gpu struct {
	*driver
	Device
	context, module, stream C.handle
	begin, end              C.handle // events
	functions               [kernels]C.handle
	parameters              [kernels]int
}

func (d *driver) Use(device int) (GPU, error) {
	if device < 0 || device >= len(d.devices) {
		return nil, fmt.Errorf("cuda: GPU %d: want 0 to %d", device, len(d.devices)-1)
	}
	g := &gpu{driver: d, Device: d.devices[device]}
	if err := g.open(); err != nil {
		_ = g.Close() // the first error is the one to tell
		return nil, fmt.Errorf("GPU %d (%s): %w", device, g.Name, err)
	}
	return g, nil
}

func (g *gpu) open() error {
	text, err := ptx(g.Major, g.Minor)
	if err != nil {
		return err
	}
	if g.alone() > g.sharedBlock {
		return missing(fmt.Sprintf("a block may have %d bytes of shared memory, and needs %d to be alone on an SM", g.sharedBlock, g.alone()))
	}
	var context C.handle
	if err := g.fail("cuDevicePrimaryCtxRetain", C.on_cuDevicePrimaryCtxRetain(&g.c, 0, &context, g.number())); err != nil {
		return err
	}
	g.context = context
	for _, event := range []*C.handle{&g.begin, &g.end} {
		if err := g.fail("cuEventCreate", C.on_cuEventCreate(&g.c, g.context, event, 0)); err != nil {
			return err
		}
	}
	const nonBlocking = 1
	if err := g.fail("cuStreamCreate", C.on_cuStreamCreate(&g.c, g.context, &g.stream, nonBlocking)); err != nil {
		return err
	}
	return g.load(text)
}

// number is the device's for the driver. It was found before.
func (g *gpu) number() (device C.int) {
	C.on_cuDeviceGet(&g.c, 0, &device, C.int(g.Number))
	return device
}

func (g *gpu) load(text string) error {
	image := C.CString(text)
	defer C.free(unsafe.Pointer(image))
	var log [4096]C.char
	code := C.load(&g.c, g.context, &g.module, image, Threads, &log[0], C.size_t(len(log)))
	if err := g.fail("cuModuleLoadDataEx", code); err != nil {
		if said := strings.TrimSpace(C.GoString(&log[0])); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return err
	}
	for k := range Kernel(kernels) {
		n, err := parameters(text, k)
		if err != nil {
			return err
		}
		g.parameters[k] = n
		name := C.CString(k.String())
		err = g.fail("cuModuleGetFunction", C.on_cuModuleGetFunction(&g.c, g.context, &g.functions[k], g.module, name))
		C.free(unsafe.Pointer(name))
		if err != nil {
			return fmt.Errorf("kernel %v: %w", k, err)
		}
		code := C.on_cuFuncSetAttribute(&g.c, g.context, g.functions[k], C.MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(g.alone()))
		if err := g.fail("cuFuncSetAttribute", code); err != nil {
			return fmt.Errorf("kernel %v: %w", k, err)
		}
	}
	return nil
}

func (g *gpu) Close() error {
	var errs []error
	destroy := func(call string, h *C.handle, f func(C.handle) C.int) {
		if *h != 0 {
			errs = append(errs, g.fail(call, f(*h)))
			*h = 0
		}
	}
	destroy("cuModuleUnload", &g.module, func(h C.handle) C.int { return C.on_cuModuleUnload(&g.c, g.context, h) })
	destroy("cuStreamDestroy_v2", &g.stream, func(h C.handle) C.int { return C.on_cuStreamDestroy_v2(&g.c, g.context, h) })
	for _, event := range []*C.handle{&g.begin, &g.end} {
		destroy("cuEventDestroy_v2", event, func(h C.handle) C.int { return C.on_cuEventDestroy_v2(&g.c, g.context, h) })
	}
	destroy("cuDevicePrimaryCtxRelease_v2", &g.context, func(C.handle) C.int { return C.on_cuDevicePrimaryCtxRelease_v2(&g.c, 0, g.number()) })
	return errors.Join(errs...)
}

func (g *gpu) Available() (int64, error) {
	var left, total C.size_t
	err := g.fail("cuMemGetInfo_v2", C.on_cuMemGetInfo_v2(&g.c, g.context, &left, &total))
	return int64(left), err
}

func (g *gpu) Alloc(n int64) (Buffer, error) {
	if n < 1 {
		return Buffer{}, fmt.Errorf("cuda: a buffer of %d bytes: want at least 1", n)
	}
	var at C.address
	if err := g.fail("cuMemAlloc_v2", C.on_cuMemAlloc_v2(&g.c, g.context, &at, C.size_t(n))); err != nil {
		return Buffer{}, fmt.Errorf("%d bytes: %w", n, err)
	}
	return Buffer{uint64(at), n}, nil
}

func (g *gpu) Free(b Buffer) error {
	if b.n == 0 {
		return nil
	}
	return g.fail("cuMemFree_v2", C.on_cuMemFree_v2(&g.c, g.context, C.address(b.addr)))
}

func (g *gpu) AllocHost(n int64) (Host, error) {
	if n < 1 {
		return Host{}, fmt.Errorf("cuda: %d bytes of the host: want at least 1", n)
	}
	const portable = 1 // pinned for all GPUs
	var at unsafe.Pointer
	if err := g.fail("cuMemHostAlloc", C.on_cuMemHostAlloc(&g.c, g.context, &at, C.size_t(n), portable)); err != nil {
		return Host{}, fmt.Errorf("%d bytes of the host: %w", n, err)
	}
	return Host{unsafe.Slice((*byte)(at), n)}, nil
}

func (g *gpu) FreeHost(h Host) error {
	if len(h.b) == 0 {
		return nil
	}
	return g.fail("cuMemFreeHost", C.on_cuMemFreeHost(&g.c, g.context, unsafe.Pointer(&h.b[0])))
}

func (g *gpu) Launch(k Kernel, grid Grid, args ...uint64) error {
	if k < 0 || int(k) >= kernels || len(args) != g.parameters[k] || len(args) > C.MOST_ARGS {
		return fmt.Errorf("cuda: %v of %d arguments: there is none", k, len(args))
	}
	shared := 0
	if grid.Alone {
		shared = g.alone()
	}
	var all [C.MOST_ARGS]C.uint64_t
	for i, a := range args {
		all[i] = C.uint64_t(a)
	}
	code := C.launch(&g.c, g.context, g.functions[k], C.unsigned(grid.Blocks), C.unsigned(grid.Threads), C.unsigned(shared), g.stream, &all[0])
	if err := g.fail("cuLaunchKernel", code); err != nil {
		return fmt.Errorf("%v in %d blocks of %d threads: %w", k, grid.Blocks, grid.Threads, err)
	}
	return nil
}

// same refuses copies between sides that are not of one size, or empty.
func same(dst, src int64) error {
	if dst != src || dst < 1 {
		return fmt.Errorf("cuda: a copy of %d bytes to %d: want as many, and at least 1", src, dst)
	}
	return nil
}

func (g *gpu) ToDevice(dst Buffer, src Host) error {
	if err := same(dst.n, int64(len(src.b))); err != nil {
		return err
	}
	return g.fail("cuMemcpyHtoDAsync_v2", C.on_cuMemcpyHtoDAsync_v2(&g.c, g.context, C.address(dst.addr), unsafe.Pointer(&src.b[0]), C.size_t(dst.n), g.stream))
}

func (g *gpu) ToHost(dst Host, src Buffer) error {
	if err := same(int64(len(dst.b)), src.n); err != nil {
		return err
	}
	return g.fail("cuMemcpyDtoHAsync_v2", C.on_cuMemcpyDtoHAsync_v2(&g.c, g.context, unsafe.Pointer(&dst.b[0]), C.address(src.addr), C.size_t(src.n), g.stream))
}

func (g *gpu) ToPeer(peer GPU, dst, src Buffer) error {
	if err := same(dst.n, src.n); err != nil {
		return err
	}
	return g.fail("cuMemcpyPeerAsync", C.on_cuMemcpyPeerAsync(&g.c, g.context, C.address(dst.addr), peer.(*gpu).context, C.address(src.addr), g.context, C.size_t(src.n), g.stream))
}

func (g *gpu) Reach(peer GPU) (bool, error) {
	other := peer.(*gpu)
	var can C.int
	if err := g.fail("cuDeviceCanAccessPeer", C.on_cuDeviceCanAccessPeer(&g.c, 0, &can, g.number(), other.number())); err != nil || can == 0 {
		return false, err
	}
	code := C.on_cuCtxEnablePeerAccess(&g.c, g.context, other.context, 0)
	switch code {
	case C.PEER_ACCESS_ALREADY_ENABLED:
		return true, nil
	case C.PEER_ACCESS_UNSUPPORTED, C.TOO_MANY_PEERS:
		return false, nil
	}
	err := g.fail("cuCtxEnablePeerAccess", code)
	return err == nil, err
}

func (g *gpu) Wait() error {
	return g.fail("cuStreamSynchronize", C.on_cuStreamSynchronize(&g.c, g.context, g.stream))
}

func (g *gpu) Time(queue func() error) (float64, error) {
	if err := g.record(g.begin); err != nil {
		return 0, err
	}
	// What was queued before an error is waited for as well: nothing is on the way after it.
	if err := errors.Join(queue(), g.record(g.end), g.await(g.end)); err != nil {
		return 0, err
	}
	var ms C.float
	err := g.fail("cuEventElapsedTime", C.on_cuEventElapsedTime(&g.c, g.context, &ms, g.begin, g.end))
	return float64(ms) * 1e3, err
}

func (g *gpu) Mark() error { return errors.Join(g.record(g.end), g.await(g.end)) }

func (g *gpu) record(event C.handle) error {
	return g.fail("cuEventRecord", C.on_cuEventRecord(&g.c, g.context, event, g.stream))
}

func (g *gpu) await(event C.handle) error {
	return g.fail("cuEventSynchronize", C.on_cuEventSynchronize(&g.c, g.context, event))
}
