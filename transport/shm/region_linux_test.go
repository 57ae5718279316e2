package shm

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
)

func FuzzAddress(f *testing.F) {
	self, err := thisProcess()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(address{process: self, files: []file{{3, 4}, {5, 6}}}.encode(), 2)
	f.Add(address{process: self}.encode(), 0)
	f.Add([]byte(magic), 1<<20)
	f.Fuzz(func(t *testing.T, b []byte, files int) {
		if files < 0 || files > 65 { // the reader's own number, which package transport bounds
			return
		}
		a, err := decode(b, files)
		if err != nil {
			if !errors.Is(err, driver.ErrBadAddress) {
				t.Errorf("%x: %v", b, err)
			}
			return
		}
		if again := a.encode(); string(again) != string(b) {
			t.Errorf("%x was read as %x", b, again)
		}
	})
}

func TestStartTime(t *testing.T) {
	self, err := startTime(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	parent, err := startTime(int32(os.Getppid()))
	if err != nil {
		t.Skipf("the parent cannot be looked at: %v", err)
	}
	if self == 0 || parent > self {
		t.Errorf("this process started at %d, its parent at %d", self, parent)
	}
}

// An address is believed in nothing that can be checked.
func TestMapPeer(t *testing.T) {
	const size = 4096
	d := New()
	r, err := d.create(size)
	if err != nil {
		t.Fatal(err)
	}
	defer r.release()
	if err := unix.Ftruncate(r.fd, 1); !errors.Is(err, unix.EPERM) {
		t.Errorf("a region can be truncated: %v", err)
	}
	good := r.key

	open := func(f *os.File, err error) (regionKey, int32) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		return regionKey{good.process, st.Ino}, int32(f.Fd())
	}
	plain, plainFD := open(os.CreateTemp(t.TempDir(), ""))
	if err := unix.Ftruncate(int(plainFD), size); err != nil {
		t.Fatal(err)
	}
	pipe, pipeFD := open(func() (*os.File, error) {
		r, w, err := os.Pipe()
		if err == nil {
			t.Cleanup(func() { w.Close() })
		}
		return r, err
	}())
	earlier, nobody := good, good
	earlier.process.Start--
	nobody.process.Pid = 1<<22 + 1 // above the kernel's limit

	for _, test := range []struct {
		name string
		key  regionKey
		fd   int32
		size int
		want error
	}{
		{"a process that ended", nobody, int32(r.fd), size, driver.ErrClosed},
		{"an earlier process of that pid", earlier, int32(r.fd), size, driver.ErrClosed},
		{"a descriptor that is closed", good, 1 << 20, size, driver.ErrClosed},
		{"a descriptor that is another file", good, plainFD, size, driver.ErrClosed},
		{"a file that could be truncated", plain, plainFD, size, driver.ErrBadAddress},
		{"a pipe", pipe, pipeFD, 0, driver.ErrBadAddress},
		{"a larger region than there is", good, int32(r.fd), size + 1, driver.ErrBadAddress},
	} {
		if _, err := mapPeer(test.key, test.fd, test.size); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	mapped, err := mapPeer(good, int32(r.fd), size)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Munmap(mapped); err != nil {
		t.Error(err)
	}
}
