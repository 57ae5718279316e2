package limits

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/isa"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

// short is a measurement that takes a few hundred milliseconds.
func short(d driver.Driver) Config {
	return Config{Workers: 3, Duration: minDuration, Repeats: 2, Memory: leastPool, Driver: d, Version: "test"}
}

func TestRun(t *testing.T) {
	needShm(t)
	c := short(shm.New())
	c.Peer = []string{asPeer}
	var stages []string
	last := -1
	c.Progress = func(stage string, done, all int) {
		stages = append(stages, stage)
		if all > 0 && (done != last+1 || done >= all) {
			t.Errorf("step %d of %d after %d", done, all, last)
		}
		last = max(done, last)
		if all == 0 {
			last = -1
		}
	}
	result, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if result.Interrupted || *result.PoolBytes != leastPool || *result.Memory != "shm" || *result.ISA != isa.Best().String() || result.Version != "test" {
		t.Errorf("%+v", result)
	}
	count := map[string]int{}
	for _, c := range result.Cases {
		count[c.Kind]++
		switch c.Kind {
		case record.LimitWakeThreads, record.LimitWakeProcesses:
			if c.Samples != 2*wakeRounds || c.LatencyNS.P50 == nil || *c.LatencyNS.P50 <= 0 || c.GBps.P50 != nil {
				t.Errorf("%+v", c)
			}
			continue
		}
		if c.Samples != 2 || c.GBps.P50 == nil || *c.GBps.P50 <= 0 || c.LatencyNS.P50 != nil || c.Workers == nil || c.BlockBytes == nil {
			t.Errorf("%+v", c)
		}
		if (c.Rows != nil) != (c.Kind == record.LimitReduce) || (c.Stores != nil) != (c.Kind == record.LimitCopy) ||
			(c.Cache == nil) != (c.Kind == record.LimitLoopback) || (c.Order == nil) != (c.Kind == record.LimitLoopback) {
			t.Errorf("%+v", c)
		}
	}
	// For 1, 2 and 3 workers, in cache and out of it.
	want := map[string]int{record.LimitCopy: 3 * 2 * 2 * 2 * 2, record.LimitReduce: 3 * 2 * 3, record.LimitQuantize: 3 * 2,
		record.LimitDequantize: 3 * 2, record.LimitLoopback: 3, record.LimitWakeThreads: 1, record.LimitWakeProcesses: 1}
	if isa.Best() == isa.Pure {
		want[record.LimitCopy] /= 2
	}
	for kind, n := range want {
		if count[kind] != n {
			t.Errorf("%d cases of %s, want %d", count[kind], kind, n)
		}
	}
	// In turn: no case comes again before all others came.
	round := len(result.Cases)
	if len(stages) != 1+2*round || slices.Compare(stages[1:1+round], stages[1+round:]) != 0 {
		t.Errorf("%d samples of %d cases, in another order than a round after the other", len(stages)-1, round)
	}
	var b bytes.Buffer
	if err := record.WriteCeilings(&b, result); err != nil {
		t.Fatal(err)
	}
	if again, err := record.ReadCeilings(&b, "buffer"); err != nil || len(again.Cases) != round {
		t.Errorf("%d cases: %v", len(again.Cases), err)
	}
}

func TestRunIsCancelled(t *testing.T) {
	needShm(t)
	why := errors.New("enough")
	for _, after := range []int{0, 1, 2, 40, 100} {
		ctx, cancel := context.WithCancelCause(context.Background())
		c := short(shm.New())
		c.Workers, c.Repeats, c.Peer = 1, 1000, []string{asPeer}
		steps, began := 0, time.Time{}
		c.Progress = func(string, int, int) {
			if steps++; steps == after+1 {
				began = time.Now()
				cancel(why)
			}
		}
		result, err := Run(ctx, c)
		if !errors.Is(err, why) || !result.Interrupted {
			t.Errorf("after %d steps: interrupted %v, %v", after, result.Interrupted, err)
		}
		if took := time.Since(began); took >= patience {
			t.Errorf("after %d steps: it took %v to end", after, took)
		}
		samples := 0
		for _, c := range result.Cases {
			if c.GBps.P50 != nil {
				samples += c.Samples
			}
		}
		// The first step is the pool, and the one that is under way comes to its end.
		if samples > after || after < 40 && samples < after-1 {
			t.Errorf("after %d steps: %d samples", after, samples)
		}
		cancel(nil)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// A case that fails is an error and a warning, and the others go on.
func TestRunGoesOnWithoutThePeer(t *testing.T) {
	needShm(t)
	for _, how := range []string{asMute, asDead} {
		c := short(shm.New())
		c.Workers, c.Peer = 1, []string{how}
		result, err := Run(context.Background(), c)
		wants(t, err, record.LimitWakeProcesses, "pid", "exit status")
		if len(result.Cases) < 20 || result.Interrupted || !strings.Contains(strings.Join(result.Warnings, "\n"), "wake-processes stopped") {
			t.Errorf("%s: %d cases, interrupted %v, warnings %q", how, len(result.Cases), result.Interrupted, result.Warnings)
		}
		for _, c := range result.Cases {
			if c.Kind == record.LimitWakeProcesses {
				t.Errorf("%s: %+v", how, c)
			}
		}
	}
	// What a system has not is no error.
	c := short(mem.New())
	c.Workers, c.Peer = 1, []string{asPeer}
	result, err := Run(context.Background(), c)
	if err != nil || !strings.Contains(strings.Join(result.Warnings, "\n"), "wake-processes is not measured") {
		t.Errorf("warnings %q, %v", result.Warnings, err)
	}
}

func TestImpossibleRuns(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"workers":                  func(c *Config) { c.Workers = maxWorkers + 1 },
		"fewer than no workers":    func(c *Config) { c.Workers = -1 },
		"repeats":                  func(c *Config) { c.Repeats = -1 },
		"duration":                 func(c *Config) { c.Duration = time.Nanosecond },
		"a sample of hours":        func(c *Config) { c.Duration = time.Hour },
		"memory":                   func(c *Config) { c.Memory = leastPool - 1 },
		"negative memory":          func(c *Config) { c.Memory = -1 },
		"driver":                   func(c *Config) { c.Driver = nil },
		"more workers than caches": func(c *Config) { c.Workers = maxWorkers },
	} {
		c := short(mem.New())
		change(&c)
		if result, err := Run(context.Background(), c); !errors.Is(err, ErrShape) || len(result.Cases) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := short(broken{})
	if _, err := Run(context.Background(), c); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func TestTeams(t *testing.T) {
	for workers, want := range map[int][]int{1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 4: {1, 2, 4}, 12: {1, 2, 4, 8, 12}} {
		c := Config{Workers: workers}
		if got := c.teams(); !slices.Equal(got, want) {
			t.Errorf("%d workers: %v, want %v", workers, got, want)
		}
	}
}

func TestPoolBytes(t *testing.T) {
	for _, c := range []struct {
		memory, last, want int64
	}{
		{0, 0, 1 << 30}, {0, 32 << 20, 1 << 30}, {0, 512 << 20, 2 << 30}, {256 << 20, 32 << 20, 256 << 20}, {64 << 30, 0, 1 << 30},
	} {
		last := &c.last
		if c.last == 0 {
			last = nil
		}
		if got, err := poolBytes(c.memory, last); err != nil || got != c.want {
			t.Errorf("%d bytes, a cache of %d: %d, %v; want %d", c.memory, c.last, got, err, c.want)
		}
	}
}

func TestCaches(t *testing.T) {
	root := t.TempDir()
	for i, c := range [][3]string{{"1", "48K", "Data"}, {"1", "32K", "Instruction"}, {"2", "2048K", "Unified"}, {"3", "266240K", "Unified"}, {"4", "many", "Unified"}} {
		at := filepath.Join(root, "sys/devices/system/cpu/cpu0/cache/index"+string(rune('0'+i)))
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		for j, name := range []string{"level", "size", "type"} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(c[j]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	l2, last := caches(new(host.Read(root)))
	if l2 == nil || last == nil || *l2 != 2<<20 || *last != 260<<20 {
		t.Errorf("L2 %v, last %v", l2, last)
	}
	if l2, last := caches(new(host.Read(filepath.Join(root, "none")))); l2 != nil || last != nil {
		t.Errorf("L2 %v, last %v of nothing", l2, last)
	}
	for l2, want := range map[int64]int{2 << 20: 512 << 10, 1 << 20: 256 << 10, 256 << 10: 128 << 10} {
		if got := inBytes(&l2); got != want {
			t.Errorf("an L2 of %d: %d, want %d", l2, got, want)
		}
	}
	if inBytes(nil) != 512<<10 {
		t.Error(inBytes(nil))
	}
}

func TestLoadAverage(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "proc"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc/loadavg"), []byte("7.31 8.22 10.28 2/96 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := host.Read(root).Load1.Or(0); got != 7.31 {
		t.Errorf("%v", got)
	}
	if got := host.Read(root + "?").Load1.Or(0); got != 0 {
		t.Errorf("%v of nothing", got)
	}
}

// What is summed and cast has no values that take a CPU longer.
func TestFill(t *testing.T) {
	b := make([]byte, 64<<10|5)
	fill(b)
	distinct := map[[2]byte]bool{}
	for i := 0; i+8 <= len(b); i += 2 {
		v := math.Float32frombits(uint32(b[i])<<16 | uint32(b[i+1])<<24)
		if a := math.Abs(float64(v)); a < 0.5 || a >= 2 {
			t.Fatalf("a BF16 of %v", v)
		}
		for _, e4m3 := range b[i : i+2] {
			if e4m3&0x7f == 0x7f {
				t.Fatal("a NaN of FP8")
			}
		}
		distinct[[2]byte(b[i:])] = true
	}
	if len(distinct) < 200 {
		t.Errorf("%d values", len(distinct))
	}
}
