package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/sysfs"
	"github.com/commbench/commbench/nvml/answer"
)

// cpuSource is all CPUs of the host together.
type cpuSource struct {
	path        string // "" is of a machine that is not there
	now, last   answer.Of[cpuTimes]
	busy, steal *column
}

func newCPUSource(s *sampler) *cpuSource {
	return &cpuSource{path: "/proc/stat", busy: s.column("host", "cpu_busy", "%"), steal: s.column("host", "cpu_steal", "%")}
}

// cpuTimes are in ticks, since the machine was started.
type cpuTimes struct{ all, idle, steal uint64 }

func (c *cpuSource) look() {
	if c.path == "" {
		c.now = answer.None[cpuTimes]("a machine that is not there has no CPUs at work")
		return
	}
	c.now = answer.From(readStat(c.path))
}

func (c *cpuSource) take(s *sampler) {
	c.busy.now, c.steal.now = math.NaN(), math.NaN()
	now, ok := c.now.Get()
	last, before := c.last.Get()
	c.last = c.now
	switch {
	case !ok:
		s.miss(c.busy.name(), c.now.Err())
		s.miss(c.steal.name(), c.now.Err())
	case before && now.all > last.all:
		all := float64(now.all - last.all)
		share := func(now, last uint64) float64 { return max(0, 100*(float64(now)-float64(last))/all) }
		c.busy.now = 100 - min(100, share(now.idle, last.idle))
		c.steal.now = share(now.steal, last.steal)
	}
}

// readStat reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. What
// guests take is part of user.
func readStat(path string) (t cpuTimes, err error) {
	text, err := sysfs.Read(path, nil, 512)
	if errors.Is(err, fs.ErrNotExist) {
		return t, fmt.Errorf("%w: no %s", errors.ErrUnsupported, path)
	}
	if err != nil {
		return t, err
	}
	return parseStat(string(text))
}

func parseStat(text string) (t cpuTimes, err error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return t, fmt.Errorf("proc/stat: begins with %.40q, expected cpu and its times", line)
	}
	for i, field := range fields[1:min(len(fields), 9)] {
		v, err := strconv.ParseUint(field, 10, 48)
		if err != nil {
			return cpuTimes{}, fmt.Errorf("proc/stat: time %d of the first line: %w", i, err)
		}
		t.all += v
		switch i {
		case 3, 4:
			t.idle += v
		case 7:
			t.steal = v
		}
	}
	return t, nil
}
