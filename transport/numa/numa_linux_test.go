package numa_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/numa"
)

// pinned are the threads of this process whose CPUs are others than most have.
func pinned(t *testing.T, all string) (threads []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(files) == 0 {
		t.Fatalf("threads: %d, %v", len(files), err)
	}
	for _, file := range files {
		if cpus := allowed(file); cpus != "" && cpus != all {
			threads = append(threads, file+": "+cpus)
		}
	}
	return threads
}

// allowed is a thread's CPUs as the system lists them, "" if the thread has ended.
func allowed(status string) string {
	text, err := os.ReadFile(status)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), "\nCpus_allowed_list:\t")
	cpus, _, _ := strings.Cut(rest, "\n")
	return cpus
}

const thisThread = "/proc/thread-self/status"

// lastCPU is where the calling thread runs: field 39 of its stat.
func lastCPU(t *testing.T) string {
	t.Helper()
	stat, err := os.ReadFile("/proc/thread-self/stat")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[39-3]
}

func TestPin(t *testing.T) {
	here, err := numa.Read("")
	if err != nil {
		t.Fatal(err)
	}
	all := allowed(thisThread)
	for _, node := range here.Nodes {
		for _, cpu := range node.CPUs {
			unpin, err := numa.Pin(cpu)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint(cpu)
			for range 10 {
				runtime.Gosched()
				if got, on := allowed(thisThread), lastCPU(t); got != want || on != want {
					t.Errorf("pinned to CPU %s: may use %s, runs on %s", want, got, on)
				}
			}
			if err := unpin(); err != nil {
				t.Error(err)
			}
			if err := unpin(); err != nil {
				t.Errorf("a second unpin: %v", err)
			}
		}
	}
	if left := pinned(t, all); len(left) > 0 {
		t.Errorf("threads that are still pinned: %v", left)
	}
}

func TestPinsNest(t *testing.T) {
	here, err := numa.Read("")
	if err != nil {
		t.Fatal(err)
	}
	all := allowed(thisThread)
	cpus := here.Nodes[0].CPUs
	outer, err := numa.Pin(cpus[0])
	if err != nil {
		t.Fatal(err)
	}
	// Only the kernel's set of this process counts, so the way to another CPU is open.
	inner, err := numa.Pin(cpus[len(cpus)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := inner(); err != nil {
		t.Error(err)
	}
	if got := allowed(thisThread); got != fmt.Sprint(cpus[0]) {
		t.Errorf("after the inner pin: %s, want %d", got, cpus[0])
	}
	if err := outer(); err != nil {
		t.Error(err)
	}
	if left := pinned(t, all); len(left) > 0 {
		t.Errorf("threads that are still pinned: %v", left)
	}
}

// Threads that the runtime starts while one is pinned may use all CPUs.
func TestPinIsNotInherited(t *testing.T) {
	here, err := numa.Read("")
	if err != nil {
		t.Fatal(err)
	}
	all := allowed(thisThread)
	unpin, err := numa.Pin(here.Nodes[0].CPUs[0])
	if err != nil {
		t.Fatal(err)
	}
	var others sync.WaitGroup
	start := make(chan bool)
	for range 8 {
		others.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			<-start
			if got := allowed(thisThread); got != all {
				t.Errorf("another thread may use %s, want %s", got, all)
			}
		})
	}
	// unpin is for this goroutine only.
	others.Go(func() {
		if err := unpin(); err == nil {
			t.Error("another goroutine unpinned this one")
		}
	})
	close(start)
	others.Wait()
	if err := unpin(); err != nil {
		t.Error(err)
	}
	if left := pinned(t, all); len(left) > 0 {
		t.Errorf("threads that are still pinned: %v", left)
	}
}

func TestPinErrors(t *testing.T) {
	all := allowed(thisThread)
	for _, cpu := range []int{-1, 1<<16 - 1, 1 << 16} {
		if _, err := numa.Pin(cpu); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("pin to CPU %d: ", cpu)) {
			t.Errorf("CPU %d: %v", cpu, err)
		}
	}
	if left := pinned(t, all); len(left) > 0 {
		t.Errorf("threads that are pinned: %v", left)
	}
}

// mapping returns anonymous memory, freed at the end of the test.
func mapping(t *testing.T, size int) []byte {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	return memory
}

func TestBind(t *testing.T) {
	here, err := numa.Read("")
	if err != nil {
		t.Fatal(err)
	}
	node := here.Nodes[len(here.Nodes)-1].ID
	page := os.Getpagesize()
	memory := mapping(t, 8*page)
	err = numa.Bind(memory[1:7*page+1], node) // pages 1 to 6 are whole
	if errors.Is(err, driver.ErrNotSupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range memory {
		memory[i] = byte(i)
	}
	maps, err := os.ReadFile("/proc/self/numa_maps")
	if err != nil {
		t.Skipf("bound, but where to cannot be told: %v", err)
	}
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^%#p (.*)$`, &memory[page])).FindSubmatch(maps)
	want := fmt.Sprintf("prefer:%d ", node)
	if line == nil || !strings.HasPrefix(string(line[1]), want) || !strings.Contains(string(line[1]), fmt.Sprintf(" N%d=6 ", node)) {
		t.Errorf("numa_maps of the second page: %q, want 6 pages and %q", line, want)
	}
}

func TestBindErrors(t *testing.T) {
	memory := mapping(t, 1<<20)
	for _, node := range []int{-1, 1 << 10, 1<<10 - 1} {
		err := numa.Bind(memory, node)
		if errors.Is(err, driver.ErrNotSupported) {
			t.Skip(err)
		}
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("to node %d: ", node)) {
			t.Errorf("node %d: %v", node, err)
		}
	}
	for _, none := range [][]byte{nil, memory[:0], memory[1:100]} {
		if err := numa.Bind(none, 0); err != nil {
			t.Errorf("%d bytes have no whole page: %v", len(none), err)
		}
	}
}

func TestHugePages(t *testing.T) {
	const size = 4 * numa.HugePage
	memory := mapping(t, size)
	if n, err := numa.HugeBytes(memory); n != 0 || err != nil {
		t.Errorf("before it is touched: %d, %v", n, err)
	}
	if err := numa.AdviseHuge(memory[1:]); err != nil {
		if errors.Is(err, driver.ErrNotSupported) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	for i := range memory {
		memory[i] = 1
	}
	n, err := numa.HugeBytes(memory)
	if err != nil || n < 0 || n > size {
		t.Fatalf("%d of %d, %v", n, size, err)
	}
	anon, _, err := numa.HugePolicy("")
	if err != nil {
		t.Skip(err)
	}
	// That there is no free huge page is no fault of ours, so none is no failure.
	t.Logf("policy %s: %d of %d bytes are huge", anon, n, size)
	if anon == "never" && n > 0 {
		t.Errorf("policy never, but %d bytes are huge", n)
	}
	for _, none := range [][]byte{nil, memory[:0], memory[1:100]} {
		if err := numa.AdviseHuge(none); err != nil {
			t.Errorf("%d bytes have no whole page: %v", len(none), err)
		}
	}
	if n, err := numa.HugeBytes(nil); n != 0 || err != nil {
		t.Errorf("nil: %d, %v", n, err)
	}
}
