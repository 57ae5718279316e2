package limits

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/kernel"
)

// once measures until the first look at the clock: one turn of each worker.
func once(t *testing.T, p *Probe, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	p.Measure(0)
}

func TestCopyMovesWholeBlocks(t *testing.T) {
	const block, stride = 100, 128
	rows := []int{5, 0, 40, 1}
	for _, workers := range []int{1, 2, 3} {
		for _, order := range []Order{Random, Sequential} {
			for _, stores := range []Stores{Ordinary, Streaming} {
				from, to := regions(block, stride, rows...), blank(block, stride, rows...)
				p, err := Copy{Block: block, Stride: stride, Sources: from, Targets: to, Order: order, Stores: stores}.Probe(crew(t, workers))
				once(t, p, err)
				written := 0
				for i, region := range to {
					for at := 0; at < len(region); at += stride {
						row := region[at : at+block]
						if bytes.Count(row, row[:1]) != block {
							t.Fatalf("%d workers, %v, %v: a row is of several blocks", workers, order, stores)
						}
						if gap := region[at+block : min(at+stride, len(region))]; bytes.Count(gap, []byte{0}) != len(gap) {
							t.Fatalf("%d workers, %v, %v: a gap was written to", workers, order, stores)
						}
						if row[0] == 0 {
							continue
						}
						written++
						if order == Sequential && row[0] != from[i][at] {
							t.Errorf("%d workers, %v, %v: block %d came to the place of %d", workers, order, stores, row[0], from[i][at])
						}
					}
				}
				// A turn is thousands of blocks, for 46 places.
				if written != 46 {
					t.Errorf("%d workers, %v, %v: %d of 46 places were written", workers, order, stores, written)
				}
			}
		}
	}
}

func TestSum(t *testing.T) {
	const block, stride = 64, 64
	from := make([]byte, 10*stride)
	for i := 0; i < len(from); i += 2 {
		binary.LittleEndian.PutUint16(from[i:], kernel.Round(1.5))
	}
	for _, rows := range []int{1, 3, 8} {
		to := make([]byte, 20*stride)
		p, err := Sum{Block: block, Stride: stride, Rows: rows, Sources: [][]byte{from}, Targets: [][]byte{to}}.Probe(crew(t, 2))
		once(t, p, err)
		for i := 0; i < len(to); i += 2 {
			if got, want := kernel.Float(binary.LittleEndian.Uint16(to[i:])), 1.5*float32(rows); got != want {
				t.Fatalf("%d rows of 1.5 give %v", rows, got)
			}
		}
	}
}

func TestCastAndBack(t *testing.T) {
	const values = 300 // two scales of whole blocks, and one of the rest
	rows := func() [][]byte { return [][]byte{make([]byte, 8*2*values)} }
	from, there, back := rows(), rows(), rows()
	for i := 0; i < len(from[0]); i += 2 {
		binary.LittleEndian.PutUint16(from[0][i:], kernel.Round(float32(i%8)-3)) // E4M3 has all of these
	}
	for _, c := range []Cast{{Sources: from, Targets: there}, {Sources: there, Targets: back, Back: true}} {
		c.Values, c.Stride = values, 2*values
		p, err := c.Probe(crew(t, 2))
		once(t, p, err)
	}
	for i := 0; i < len(from[0]); i += 2 {
		got, want := kernel.Float(binary.LittleEndian.Uint16(back[0][i:])), float32(i%8)-3
		if d := got - want; d > 0.1 || d < -0.1 {
			t.Fatalf("value %d is %v after a cast and back, was %v", i/2, got, want)
		}
	}
}

// TestRates counts bytes by a clock that advances by 1 us with each look.
func TestRates(t *testing.T) {
	mem := func() [][]byte { return [][]byte{make([]byte, 64<<10)} }
	team := crew(t, 1)
	for _, c := range []struct {
		name string
		make func() (*Probe, error)
		turn int // bytes between two looks
	}{
		{"copy", func() (*Probe, error) {
			return Copy{Block: 1000, Stride: 1024, Sources: mem(), Targets: mem()}.Probe(team)
		}, turn / 1000 * 1000},
		{"sum of 4", func() (*Probe, error) {
			return Sum{Block: 1000, Stride: 1024, Rows: 4, Sources: mem(), Targets: mem()}.Probe(team)
		}, turn / 4000 * 4000},
		{"cast", func() (*Probe, error) {
			return Cast{Values: 1000, Stride: 2048, Sources: mem(), Targets: mem()}.Probe(team)
		}, turn / 2000 * 2000},
		{"and back", func() (*Probe, error) {
			return Cast{Values: 1000, Stride: 2048, Back: true, Sources: mem(), Targets: mem()}.Probe(team)
		}, turn / 1032 * 1032},
	} {
		p, err := c.make()
		if err != nil {
			t.Fatal(err)
		}
		p.clock = fake(time.Microsecond)
		// The start is at 1 us, the first look 1 us after it; after the tenth is one
		// more, for the end.
		want := float64(10*c.turn) / 11_000
		for range 2 {
			if got := p.Measure(10 * time.Microsecond); got != want {
				t.Errorf("%s: %v GB/s, want %v", c.name, got, want)
			}
		}
	}
}

// TestRateOfSeveral is the bytes of all over the time of the last.
func TestRateOfSeveral(t *testing.T) {
	p := newProbe(crew(t, 3), turn, []load{nothing{}, nothing{}, nothing{}})
	var looks atomic.Int64
	p.clock = func() time.Duration { return time.Duration(looks.Add(1)) }
	p.Measure(0) // a turn each
	// One look for the start, and then two for each worker.
	if got, want := p.Measure(0), float64(3*turn)/6; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

type nothing struct{}

func (nothing) step()   {}
func (nothing) finish() {}

func TestMeasureAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	team := crew(t, 2)
	mem := func() [][]byte { return [][]byte{make([]byte, 64<<10), make([]byte, 10), make([]byte, 64<<10)} }
	for name, probe := range map[string]func() (*Probe, error){
		"copy":   Copy{Block: 1000, Stride: 1024, Sources: mem(), Targets: mem()}.probe(team),
		"stream": Copy{Block: 1000, Stride: 1024, Sources: mem(), Targets: mem(), Stores: Streaming, Order: Sequential}.probe(team),
		"sum": func() (*Probe, error) {
			return Sum{Block: 1000, Stride: 1024, Rows: 4, Sources: mem(), Targets: mem()}.Probe(team)
		},
		"cast": func() (*Probe, error) {
			return Cast{Values: 512, Stride: 1024, Sources: mem(), Targets: mem()}.Probe(team)
		},
	} {
		p, err := probe()
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() { p.Measure(50 * time.Microsecond) }); n != 0 {
			t.Errorf("%s: %v allocations in a measurement", name, n)
		}
	}
}

func (c Copy) probe(team Team) func() (*Probe, error) {
	return func() (*Probe, error) { return c.Probe(team) }
}

func TestImpossibleShapes(t *testing.T) {
	team := crew(t, 2)
	mem := [][]byte{make([]byte, 4096)}
	for name, err := range map[string]error{
		"no team":                 second(Copy{Block: 64, Stride: 64, Sources: mem, Targets: mem}.Probe(nil)),
		"no block":                second(Copy{Stride: 64, Sources: mem, Targets: mem}.Probe(team)),
		"negative block":          second(Copy{Block: -1, Stride: 64, Sources: mem, Targets: mem}.Probe(team)),
		"overlapping rows":        second(Copy{Block: 64, Stride: 63, Sources: mem, Targets: mem}.Probe(team)),
		"no sources":              second(Copy{Block: 64, Stride: 64, Targets: mem}.Probe(team)),
		"no targets":              second(Copy{Block: 64, Stride: 64, Sources: mem}.Probe(team)),
		"small targets":           second(Copy{Block: 64, Stride: 64, Sources: mem, Targets: [][]byte{make([]byte, 63), nil}}.Probe(team)),
		"one row for two workers": second(Copy{Block: 4096, Stride: 4096, Sources: mem, Targets: mem}.Probe(team)),
		"unknown order":           second(Copy{Block: 64, Stride: 64, Sources: mem, Targets: mem, Order: 2}.Probe(team)),
		"unknown stores":          second(Copy{Block: 64, Stride: 64, Sources: mem, Targets: mem, Stores: 2}.Probe(team)),
		"no addends":              second(Sum{Block: 64, Stride: 64, Sources: mem, Targets: mem}.Probe(team)),
		"too many addends":        second(Sum{Block: 64, Stride: 64, Rows: maxRows + 1, Sources: mem, Targets: mem}.Probe(team)),
		"half a value":            second(Sum{Block: 63, Stride: 64, Rows: 1, Sources: mem, Targets: mem}.Probe(team)),
		"no room for a sum":       second(Sum{Block: 64, Stride: 64, Rows: 1, Sources: mem}.Probe(team)),
		"nothing to sum":          second(Sum{Block: 64, Stride: 64, Rows: 1, Targets: mem}.Probe(team)),
		"no values":               second(Cast{Stride: 64, Sources: mem, Targets: mem}.Probe(team)),
		"no room for scales":      second(Cast{Values: 10, Stride: 13, Back: true, Sources: mem, Targets: mem}.Probe(team)),
		"nothing to cast":         second(Cast{Values: 10, Stride: 64, Targets: mem}.Probe(team)),
		"no room for a cast":      second(Cast{Values: 10, Stride: 64, Sources: mem}.Probe(team)),
	} {
		if !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *Probe, err error) error { return err }

// A team that grows or shrinks is a mistake that would hang.
func TestAnotherTeam(t *testing.T) {
	team := &Crew{calls: make([]chan func(int), 2)}
	p := newProbe(team, 1, []load{nothing{}, nothing{}})
	team.calls = team.calls[:1]
	defer func() {
		if r := recover(); r != "limits: a probe for 2 workers, with 1" {
			t.Errorf("%v", r)
		}
	}()
	p.Measure(0)
}

// TestShares: every row belongs to exactly one worker, whatever the regions.
func TestShares(t *testing.T) {
	const block, stride = 3, 4
	for _, rows := range [][]int{{7}, {1, 1, 1, 1}, {0, 2, 9, 1, 3, 30}, {4, 4}} {
		for workers := 1; workers <= 4; workers++ {
			all := blank(block, stride, rows...)
			for w := range workers {
				p := share(all, block, stride, w, workers, Sequential)
				for _, r := range p.runs {
					for i := range int(r.rows) {
						r.bytes[i*stride]++
					}
				}
			}
			for i, region := range all {
				for at := 0; at < len(region); at += stride {
					if region[at] != 1 {
						t.Errorf("%v rows, %d workers: row %d of region %d has %d owners", rows, workers, at/stride, i, region[at])
					}
				}
			}
		}
	}
}

func TestRandomIsEven(t *testing.T) {
	p := share(blank(1, 1, 10, 30), 1, 1, 0, 1, Random)
	p = p.salted()
	counts := map[*byte]int{}
	for range 40_000 {
		counts[&p.next()[0]]++
	}
	if len(counts) != 40 {
		t.Errorf("%d of 40 places were chosen", len(counts))
	}
	// Half of the blocks for each region.
	for place, n := range counts {
		_ = place
		if n < 500 || n > 2400 {
			t.Errorf("a place was chosen %d times, want about 667 or 2000", n)
		}
	}
}

func TestCrewRunsAllAtOnce(t *testing.T) {
	c := crew(t, 3)
	if c.Workers() != 3 {
		t.Fatalf("%d workers", c.Workers())
	}
	for range 3 {
		var all sync.WaitGroup
		all.Add(3)
		var seen [3]atomic.Int32
		c.Run(func(i int) {
			seen[i].Add(1)
			all.Done()
			all.Wait() // each waits for the others
		})
		for i := range seen {
			if n := seen[i].Load(); n != 1 {
				t.Errorf("worker %d was called %d times", i, n)
			}
		}
	}
}
