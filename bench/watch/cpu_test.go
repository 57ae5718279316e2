package watch

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	tests := map[string]struct {
		text string
		want cpuTimes
		err  string
	}{
		"today's":          {"cpu  10 20 30 400 50 6 7 8 9 1\ncpu0 1 2 3 4\n", cpuTimes{all: 531, idle: 450, steal: 8}, ""},
		"without steal":    {"cpu 1 2 3 4 5 6 7", cpuTimes{all: 28, idle: 9}, ""},
		"the oldest":       {"cpu 1 2 3 4\n", cpuTimes{all: 10, idle: 4}, ""},
		"nothing":          {"", cpuTimes{}, "expected cpu and its times"},
		"one CPU":          {"cpu0 1 2 3 4\n", cpuTimes{}, "expected cpu and its times"},
		"too few":          {"cpu 1 2 3\n4", cpuTimes{}, "expected cpu and its times"},
		"no number":        {"cpu 1 2 x 4\n", cpuTimes{}, "time 2 of the first line"},
		"negative":         {"cpu 1 -2 3 4\n", cpuTimes{}, "time 1 of the first line"},
		"more than passes": {"cpu 1 2 3 99999999999999999999\n", cpuTimes{}, "time 3 of the first line"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat(test.text)
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %+v, %v, expected %+v, %q", got, err, test.want, test.err)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("cpu  10 20 30 400 50 6 7 8 9 1\ncpu0 1 2 3 4\n")
	f.Add("cpu 281474976710655 281474976710655 281474976710655 281474976710655")
	f.Add("cpu 1 2 3")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseStat(text)
		if err == nil && c.idle+c.steal > c.all || err != nil && c != (cpuTimes{}) {
			t.Errorf("of %q: %+v, %v", text, c, err)
		}
	})
}

// stat is a file that a test writes.
func stat(t *testing.T) (path string, write func(text string)) {
	path = filepath.Join(t.TempDir(), "stat")
	return path, func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadStat(t *testing.T) {
	path, write := stat(t)
	if _, err := readStat(path); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("where there is none: %v", err)
	}
	write("cpu 1 2 3 4\n" + strings.Repeat("intr 0 0 0 0\n", 10_000)) // of which only a part is read
	if got, err := readStat(path); err != nil || got.all != 10 {
		t.Errorf("got %+v, %v", got, err)
	}
	write("")
	if _, err := readStat(path); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("of an empty one: %v", err)
	}
	if _, err := readStat(filepath.Dir(path)); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a folder: %v", err)
	}
}

func TestCPU(t *testing.T) {
	path, write := stat(t)
	s := &sampler{missing: map[string]string{}}
	c := newCPUSource(s)
	c.path = path
	nan := math.NaN()
	for i, step := range []struct {
		text        string // "" is that there is no file
		busy, steal float64
	}{
		{"cpu 0 0 0 100 0 0 0 0", nan, nan},        // there is nothing before
		{"cpu 30 0 0 160 5 0 0 5", 35, 5},          // of 100
		{"cpu 30 0 0 160 5 0 0 5", nan, nan},       // no tick passed
		{"cpu 40 0 0 160 4 0 0 5", 100, 0},         // iowait may go back
		{"", nan, nan},                             // gone
		{"cpu 50 0 0 160 4 0 0 5", nan, nan},       // and there again
		{"cpu 50 0 0 170 4 0 0 5", 0, 0},           // idle
		{"cpu 1 0 0 1 0 0 0 0", nan, nan},          // restarted
		{"cpu nonsense 0 0 1 0 0 0 0", nan, nan},   //
		{"cpu 1 0 0 1 0 0 0 0", nan, nan},          //
		{"cpu 1 0 0 1 0 0 0 10", 100, 100},         // all was stolen
		{"cpu 1 0 0 1 0 0 0 9 9", nan, nan},        // went back
		{"cpu 5 0 0 4 0 0 0 8 9", 50, 0},           // steal went back
		{"cpu 15 0 0 1 0 0 0 8 9", 100, 0},         // idle did
		{"cpu 15 0 0 11 0 0 0 8 1000000000", 0, 0}, // guests are part of user
	} {
		if step.text == "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			write(step.text)
		}
		c.look()
		c.take(s)
		same := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b) }
		if !same(c.busy.now, step.busy) || !same(c.steal.now, step.steal) {
			t.Errorf("step %d: %q: %v busy and %v stolen, expected %v and %v", i, step.text, c.busy.now, c.steal.now, step.busy, step.steal)
		}
	}
	for _, name := range []string{"host cpu_busy", "host cpu_steal"} {
		if why := s.missing[name]; !strings.HasPrefix(why, "unsupported operation: no ") {
			t.Errorf("%s is missing for %q", name, why)
		}
	}
}

// Time passes for the thread that looks.
func TestThreadTime(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime()
	if errors.Is(before.Err(), errors.ErrUnsupported) && runtime.GOOS != "linux" {
		t.Skip(before.Err())
	}
	if after := threadTime(); before.Err() != nil || after.Or(-1) < before.Or(0) {
		t.Errorf("%v and then %v", before, after)
	}
}
