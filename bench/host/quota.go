package host

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// quota is how many CPUs' time the control groups of this process allow it: the least of
// those from its own up to the one that it can see last.
func (f files) quota() (float64, error) {
	text, err := f.text("/proc/self/cgroup")
	if err != nil {
		return 0, err
	}
	least := math.Inf(1)
	for line := range strings.Lines(text) {
		// "0::/a/b" is of version 2, "4:cpu,cpuacct:/a/b" of version 1.
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		read, folder := f.quotaV2, "/sys/fs/cgroup"
		switch {
		case !ok || len(group) > 4096: // longer than any path
			return 0, fmt.Errorf("/proc/self/cgroup: %s: expected a control group, as in 0::/a/b", shorten(line))
		case controllers == "":
		case slices.Contains(strings.Split(controllers, ","), "cpu"):
			read, folder = f.quotaV1, "/sys/fs/cgroup/cpu"
		default:
			continue
		}
		// A container may see another part of the tree than that which the path is in,
		// so what is not there is passed over.
		for up := path.Clean("/" + group); ; up = path.Dir(up) {
			cpus, err := read(path.Join(folder, up))
			if err == nil {
				least = min(least, cpus)
			} else if !errors.Is(err, errors.ErrUnsupported) {
				return 0, err
			}
			if up == "/" {
				break
			}
		}
	}
	if math.IsInf(least, 1) {
		return 0, none("no control group sets a quota")
	}
	return least, nil
}

// quotaV2 reads "250000 100000", microseconds in each period, or "max 100000".
func (f files) quotaV2(folder string) (float64, error) {
	file := folder + "/cpu.max"
	text, err := f.line(file)
	if err != nil {
		return 0, err
	}
	time, period, _ := strings.Cut(text, " ")
	return share(file, text, time, period, "max")
}

// quotaV1 reads the same from two files, where -1 stands for max.
func (f files) quotaV1(folder string) (float64, error) {
	file := folder + "/cpu.cfs_quota_us"
	time, err := f.line(file)
	if err != nil {
		return 0, err
	}
	period, err := f.line(folder + "/cpu.cfs_period_us")
	if err != nil {
		return 0, err
	}
	return share(file, time+" "+period, time, period, "-1")
}

func share(file, text, time, period, unlimited string) (float64, error) {
	if time == unlimited {
		return math.Inf(1), nil
	}
	t, err := strconv.ParseUint(time, 10, 53)
	p, err2 := strconv.ParseUint(period, 10, 53)
	if err != nil || err2 != nil || t == 0 || p == 0 {
		return 0, fmt.Errorf("%s: %s: expected a quota and its period in microseconds, or %s", file, shorten(text), unlimited)
	}
	return float64(t) / float64(p), nil
}
