// Package cudatest is a driver library for tests of what uses GPUs: it runs the kernels of package cuda on
// the host. See testdata/driver.c.
package cudatest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Env is where the library is told what to be when it is opened, by words with a space between
// them; these are the defaults:
//
//	devices=1 sms=16 capability=90 cuda=12080   GPUs, their SMs, compute capability, and CUDA's version
//	mib=1024 shared=232448     memory of each, and the shared memory that a block may have
//	access=1                   GPUs reach each other's memory
//	crowd=0                    two blocks run on an SM, whatever they ask for
//	fail=cuMemAlloc_v2:2@3     a function's result, from its third call on; none fails
//	flip=copy_words            a kernel or a copy that gets a bit wrong; none does
const Env = "COMMBENCH_TEST_CUDA"

// Library compiles the library, for as long as the test runs, and returns its path. Compiler
// flags may follow: -DcuInit=other takes a function away. Without a C compiler the test is
// skipped, but in CI it fails.
func Library(t testing.TB, flags ...string) string {
	t.Helper()
	_, self, _, _ := runtime.Caller(0)
	source := filepath.Join(filepath.Dir(self), "testdata", "driver.c")
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is not here: tests that use it must be built where they run, without -trimpath", source)
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no C compiler: ", err)
		}
		t.Skip("no C compiler: ", err)
	}
	lib := filepath.Join(t.TempDir(), "libcuda.so")
	args := append([]string{"-std=gnu11", "-O2", "-Wall", "-shared", "-fPIC", "-fvisibility=default", "-ffp-contract=off", "-o", lib, source}, flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, out)
	}
	return lib
}
