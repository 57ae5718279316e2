package shm_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

func newDriver() driver.Driver { return shm.New() }

func TestConformance(t *testing.T) { drivertest.Run(t, newDriver) }

func BenchmarkDriver(b *testing.B) { drivertest.Bench(b, newDriver) }

// mappings is how many of our regions are mapped here, and descriptors how many
// files are open.
func mappings(t *testing.T) (mappings, descriptors int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(maps), "/memfd:commbench"), len(entries)
}

// pair opens channels between two ranks, and to themselves, over the given
// drivers, and returns what closes all of it again.
func pair(t *testing.T, drivers [2]driver.Driver) (worlds [2]*transport.World, memories [2]driver.Memory, end func()) {
	t.Helper()
	var addrs [][]byte
	for rank, d := range drivers {
		var err error
		if memories[rank], err = transport.Alloc(10000, d); err != nil {
			t.Fatal(err)
		}
		worlds[rank], err = transport.Listen(d, driver.Place{Rank: rank, Size: 2},
			&transport.Options{Segments: []driver.Memory{memories[rank]}, Words: 100})
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, worlds[rank].Address())
	}
	for _, w := range worlds {
		if err := w.Connect(addrs); err != nil {
			t.Fatal(err)
		}
		for peer := range worlds {
			if _, err := w.Channel(peer, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	return worlds, memories, func() {
		for rank := range worlds {
			if err := worlds[rank].Close(); err != nil {
				t.Error(err)
			}
			if err := memories[rank].Free(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	one := shm.New()
	for _, test := range []struct {
		name    string
		drivers [2]driver.Driver
		maps    int
		files   int
	}{
		{"one driver maps each region once", [2]driver.Driver{one, one}, 5, 5},
		{"two drivers map each other's", [2]driver.Driver{shm.New(), shm.New()}, 12, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			mapsBefore, filesBefore := mappings(t)
			for range 2 { // what was given back is made again
				worlds, _, end := pair(t, test.drivers)
				maps, files := mappings(t)
				if maps -= mapsBefore; maps != test.maps {
					t.Errorf("%d mappings, want %d", maps, test.maps)
				}
				if files -= filesBefore; files != test.files {
					t.Errorf("%d open files, want %d: two segments, two times words, and a bell for each driver", files, test.files)
				}
				theirs := worlds[0].Peer(1, 0)
				theirs[9999] = 42
				if worlds[1].Segment(0)[9999] != 42 {
					t.Error("a peer's memory is not the peer's memory")
				}
				end()
				if maps, files := mappings(t); maps != mapsBefore || files != filesBefore {
					t.Errorf("%d mappings and %d files are left", maps-mapsBefore, files-filesBefore)
				}
			}
		})
	}
}

// A peer in the same process goes on to use a region that its owner has freed:
// it lives for as long as it is used.
func TestFreedWhileAttached(t *testing.T) {
	d := shm.New()
	worlds, memories, end := pair(t, [2]driver.Driver{d, d})
	defer end()
	theirs := worlds[0].Peer(1, 0)
	if err := worlds[1].Close(); err != nil {
		t.Fatal(err)
	}
	if err := memories[1].Free(); err != nil {
		t.Fatal(err)
	}
	if memories[1].Bytes() != nil {
		t.Error("freed memory has bytes")
	}
	copy(theirs, "still here")
	if !bytes.HasPrefix(theirs, []byte("still here")) {
		t.Error("it is not")
	}
}

func TestPeerHasClosed(t *testing.T) {
	d, theirs := shm.New(), shm.New()
	var worlds []*transport.World
	var addrs [][]byte
	for rank, d := range []driver.Driver{d, theirs} {
		w, err := transport.Listen(d, driver.Place{Rank: rank, Size: 2}, &transport.Options{Words: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		worlds, addrs = append(worlds, w), append(addrs, w.Address())
	}
	if err := worlds[0].Connect(addrs); err != nil {
		t.Fatal(err)
	}
	if err := worlds[1].Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := worlds[0].Channel(1, 0); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a channel to a rank that has closed: %v", err)
	}
	// The descriptor is another file's now.
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := worlds[0].Channel(1, 0); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a channel to a rank whose descriptor was used again: %v", err)
	}
}

func TestMemory(t *testing.T) {
	d := shm.New()
	foreign, err := mem.New().Alloc(10)
	if err != nil {
		t.Fatal(err)
	}
	_, err = transport.Listen(d, driver.Place{Size: 1}, &transport.Options{Segments: []driver.Memory{foreign}})
	if err == nil || !strings.Contains(err.Error(), "segment 0 is not shared memory") {
		t.Errorf("memory of another driver: %v", err)
	}
	// What both accept is shared memory, whichever comes first.
	both, err := transport.Alloc(10, mem.New(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer both.Free()
	for _, d := range []driver.Driver{mem.New(), d, shm.New()} {
		w, err := transport.Listen(d, driver.Place{Size: 1}, &transport.Options{Segments: []driver.Memory{both}})
		if err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
		defer w.Close()
	}
	if _, err := transport.Alloc(transport.MaxSegmentSize, d); err != nil && !strings.Contains(err.Error(), "mmap") {
		t.Errorf("64 TiB: %v", err)
	}
}
