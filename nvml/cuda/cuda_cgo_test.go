//go:build cgo && linux

package cuda_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/commbench/commbench/nvml/cuda"
	"github.com/commbench/commbench/nvml/cuda/cudatest"
)

func Example() {
	_, err := cuda.Open("/nowhere/libcuda.so.1")
	fmt.Println(err)
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// cuda: /nowhere/libcuda.so.1 is not here: no NVIDIA driver
	// true
}

// open opens the tests' library, told to be something.
func open(t *testing.T, lib, told string) cuda.Driver {
	t.Helper()
	t.Setenv(cudatest.Env, told)
	d, err := cuda.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func use(t *testing.T, d cuda.Driver, device int) cuda.GPU {
	t.Helper()
	g, err := d.Use(device)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestOpen(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	lib := cudatest.Library(t)
	for name, test := range map[string]struct {
		lib, told, want string
		none            bool // errors.ErrUnsupported
	}{
		"a file that is none": {text, "", "cannot be loaded: ", true},
		"no launch":           {cudatest.Library(t, "-DcuLaunchKernel=other"), "", "has no cuLaunchKernel: a driver that is too old", true},
		"no init":             {cudatest.Library(t, "-DcuInit=other"), "", "has no cuInit: ", true},
		"no GPU":              {lib, "devices=0", "cuda: cuInit: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is detected: no NVIDIA GPU is here, or", true},
		"none may be used":    {lib, "devices=-1", "but no NVIDIA GPU that this process may use", true},
		"a stub":              {lib, "fail=cuInit:34", "not a driver", true},
		"an old module":       {lib, "fail=cuInit:803", "cuInit: unknown (803), which the driver has no words for: the library and the kernel's module are of different drivers", false},
		"no fabric manager":   {lib, "fail=cuInit:802", "nvidia-fabricmanager must be running", false},
		"a broken GPU":        {lib, "devices=2 fail=cuDeviceGetAttribute:999@7", "GPU 1: cuda: cuDeviceGetAttribute: unknown (999)", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(cudatest.Env, test.told)
			_, err := cuda.Open(test.lib)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, errors.ErrUnsupported) != test.none {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestDevices(t *testing.T) {
	d := open(t, cudatest.Library(t), "devices=2 sms=132 capability=100 mib=2")
	want := []cuda.Device{
		{Number: 0, Name: "Host that stands in for a GPU", PCI: "0000:1b:00.0", Major: 10, SMs: 132, L2Bytes: 1 << 15, MemoryBytes: 2 << 20},
		{Number: 1, Name: "Host that stands in for a GPU", PCI: "0000:43:00.0", Major: 10, SMs: 132, L2Bytes: 1 << 15, MemoryBytes: 2 << 20},
	}
	if diff := cmp.Diff(want, d.Devices(), cmpopts.IgnoreUnexported(cuda.Device{})); diff != "" {
		t.Error(diff)
	}
	if d.CUDA() != "12.8" {
		t.Error(d.CUDA())
	}
}

func TestUse(t *testing.T) {
	lib := cudatest.Library(t)
	for told, want := range map[string]string{
		"capability=75":                                  "GPU 0 (Host that stands in for a GPU): cuda: compute capability 7.5 is too old",
		"shared=49152":                                   "a block may have 49152 bytes of shared memory, and needs 117760 to be alone",
		"cuda=11040":                                     "unknown (222), which the driver has no words for: the driver, which serves CUDA 11.4, cannot compile the kernels: they need 11.0 on",
		"fail=cuModuleLoadDataEx:218":                    "cannot compile the kernels: they need 11.0 on GPUs of compute capability 8, 11.8 on later ones: ptxas error : told to fail",
		"fail=cuModuleLoadDataEx:221":                    "libnvidia-ptxjitcompiler.so.1",
		"fail=cuModuleGetFunction:500@3":                 "kernel read_words: cuda: cuModuleGetFunction",
		"fail=cuDevicePrimaryCtxRetain:46 capability=80": "another process has the GPU for itself",
	} {
		if g, err := open(t, lib, told).Use(0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", told, g, err, want)
		}
	}
	for _, capability := range []string{"80", "86", "90", "100"} {
		use(t, open(t, lib, "capability="+capability+" cuda=11080"), 0)
	}
	d := open(t, lib, "")
	for _, n := range []int{-1, 1} {
		if _, err := d.Use(n); err == nil || !strings.HasSuffix(err.Error(), "want 0 to 0") {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t, "mib=64")
	all := func(_ any, err error) error { return err }
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no bytes":            {all(b.Alloc(0)), "a buffer of 0 bytes"},
		"no bytes of a host":  {all(b.AllocHost(-1)), "-1 bytes of the host: want at least 1"},
		"too many":            {all(b.Alloc(65 << 20)), "68157440 bytes: cuda: cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory: take fewer bytes"},
		"to less":             {b.ToHost(b.host.First(15), b.dst.First(16)), "a copy of 16 bytes to 15: want as many"},
		"to more":             {b.ToDevice(b.dst.First(16), b.host.First(15)), "a copy of 15 bytes to 16"},
		"of nothing":          {b.ToPeer(b, cuda.Buffer{}, cuda.Buffer{}), "a copy of 0 bytes to 0: want as many, and at least 1"},
		"too few arguments":   {b.Launch(cuda.CopyWords, cuda.Grid{Blocks: 1, Threads: 1}), "copy_words of 0 arguments"},
		"no such kernel":      {b.Launch(99, cuda.Grid{Blocks: 1, Threads: 1}), "kernel 99 of 0 arguments"},
		"too many threads":    {b.Launch(cuda.Nothing, cuda.Grid{Blocks: 2, Threads: 1025}), "nothing in 2 blocks of 1025 threads: cuda: cuLaunchKernel: unknown (1)"},
		"what was never made": {b.Free(cuda.Buffer{}), ""},
		"host memory neither": {b.FreeHost(cuda.Host{}), ""},
	} {
		if got := fmt.Sprint(test.err); test.err == nil && test.want != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %v, want %q", name, test.err, test.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("more than there is")
		}
	}()
	b.dst.First(room + 1)
}

func TestPeers(t *testing.T) {
	lib := cudatest.Library(t)
	for told, can := range map[string]bool{"devices=2": true, "devices=2 access=0": false} {
		d := open(t, lib, told)
		a, b := use(t, d, 0), use(t, d, 1)
		for range 2 { // a second time too
			if got, err := a.Reach(b); err != nil || got != can {
				t.Errorf("%s: %v (%v)", told, got, err)
			}
		}
		src, err := a.Alloc(4096)
		if err != nil {
			t.Fatal(err)
		}
		dst, err := b.Alloc(4096)
		if err != nil {
			t.Fatal(err)
		}
		host, err := b.AllocHost(4096)
		if err != nil {
			t.Fatal(err)
		}
		copy(host.Bytes(), strings.Repeat("commbench ", 409))
		want := bytes.Clone(host.Bytes())
		if err := errors.Join(a.ToDevice(src, host), a.ToPeer(b, dst, src), a.Wait()); err != nil {
			t.Fatal(err)
		}
		clear(host.Bytes())
		if err := errors.Join(b.ToHost(host, dst), b.Wait()); err != nil || !bytes.Equal(host.Bytes(), want) {
			t.Errorf("%s: what came is another (%v)", told, err)
		}
		if err := errors.Join(a.Free(src), b.Free(dst), b.FreeHost(host)); err != nil {
			t.Error(err)
		}
	}
}

// Whatever call fails, its name is said, and nothing is left: the tests' driver refuses to
// release a GPU that has memory.
func TestEveryCallMayFail(t *testing.T) {
	lib := cudatest.Library(t)
	for _, call := range []string{"cuInit", "cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetPCIBusId", "cuDeviceGetAttribute",
		"cuDeviceTotalMem_v2", "cuDeviceCanAccessPeer", "cuDevicePrimaryCtxRetain", "cuCtxEnablePeerAccess", "cuModuleLoadDataEx", "cuModuleGetFunction",
		"cuFuncSetAttribute", "cuMemGetInfo_v2", "cuMemAlloc_v2", "cuMemHostAlloc", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyPeerAsync",
		"cuStreamCreate", "cuStreamSynchronize", "cuEventCreate", "cuEventRecord", "cuEventSynchronize", "cuEventElapsedTime", "cuLaunchKernel"} {
		t.Setenv(cudatest.Env, "devices=2 fail="+call+":999")
		err := everything(lib)
		var e *cuda.Error
		if !errors.As(err, &e) || e.Call != call || e.Code != 999 {
			t.Errorf("%s: %v", call, err)
		}
	}
	t.Setenv(cudatest.Env, "devices=2")
	if err := everything(lib); err != nil {
		t.Error(err)
	}
}

// everything makes every call, up to the first that fails.
func everything(lib string) (err error) {
	d, err := cuda.Open(lib)
	if err != nil {
		return err
	}
	a, err := d.Use(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := d.Use(1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if _, err := a.Reach(b); err != nil {
		return err
	}
	if _, err := a.Available(); err != nil {
		return err
	}
	buffer, err := a.Alloc(16)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Free(buffer)) }()
	host, err := a.AllocHost(16)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.FreeHost(host)) }()
	_, err = a.Time(func() error {
		for _, f := range []func() error{
			func() error { return a.ToDevice(buffer, host) },
			func() error { return a.Launch(cuda.Nothing, cuda.Grid{Blocks: 1, Threads: 1}) },
			func() error { return a.ToPeer(a, buffer, buffer) },
			func() error { return a.ToHost(host, buffer) },
			a.Wait, a.Mark,
		} {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
