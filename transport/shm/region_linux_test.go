package shm

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/numa"
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

// Two driver values are to each other as two processes are: they map one bell at
// different addresses.
func TestBellOfAnotherMapping(t *testing.T) {
	ours, theirs := New(), New()
	r, err := ours.create(bellSize)
	if err != nil {
		t.Fatal(err)
	}
	attached, err := theirs.attach(r.key, int32(r.fd), bellSize)
	if err != nil {
		t.Fatal(err)
	}
	defer releaseAll([]*region{r, attached})
	const patience = 20 * time.Second
	bell := bellOf(r.bytes)
	for range 50 {
		ticket, woken := bell.Arm(), make(chan time.Duration)
		go func() {
			start := time.Now()
			bell.Park(ticket, patience)
			woken <- time.Since(start)
		}()
		time.Sleep(100 * time.Microsecond)
		bellOf(attached.bytes).Ring()
		if took := <-woken; took >= patience {
			t.Fatalf("the bell woke nobody in %v", took)
		}
	}
}

// Whoever touches a page first decides how large it is, so huge pages are advised
// in the process that made the region and in those that attach.
func TestHugeIsAdvised(t *testing.T) {
	if _, _, err := numa.HugePolicy(""); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		size, want int
	}{{numa.HugePage - 4096, 0}, {numa.HugePage, 2}} {
		ours, theirs := New(), New()
		before := advised(t)
		r, err := ours.create(test.size)
		if err != nil {
			t.Fatal(err)
		}
		attached, err := theirs.attach(r.key, int32(r.fd), test.size)
		if err != nil {
			t.Fatal(err)
		}
		if got := advised(t) - before; got != test.want {
			t.Errorf("%d bytes: %d mappings of 2 are advised, want %d", test.size, got, test.want)
		}
		if err := releaseAll([]*region{r, attached}); err != nil {
			t.Error(err)
		}
	}
}

// advised is how many of our mappings have the flag "hg".
func advised(t *testing.T) (n int) {
	t.Helper()
	ours := false
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for _, mapping := range strings.Split(string(smaps), "VmFlags:") {
		// What is before the first line's end are the flags of the mapping before.
		flags, _, _ := strings.Cut(mapping, "\n")
		if ours && strings.Contains(flags, " hg") {
			n++
		}
		ours = strings.Contains(mapping, "/memfd:commbench")
	}
	return n
}
