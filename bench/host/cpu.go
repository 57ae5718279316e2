package host

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// cpuInfo are the fields of the first CPU. The file has as much again for each CPU, and
// some kernels measure a CPU's clock to write it, so no more of it is read.
func (f files) cpuInfo() (map[string]string, error) {
	text, more, err := f.head("/proc/cpuinfo", 8<<10)
	if err != nil {
		return nil, err
	}
	if more { // the last line is a part of one
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	return fieldsOf(text), nil
}

// cores are the names of Arm's own for servers, by their part.
var cores = map[string]string{
	"0xd0c": "Neoverse N1",
	"0xd40": "Neoverse V1",
	"0xd49": "Neoverse N2",
	"0xd4f": "Neoverse V2",
	"0xd83": "Neoverse V3AE",
	"0xd84": "Neoverse V3",
	"0xd8e": "Neoverse N3",
}

// model is a CPU's name. arm64 has only codes for who made the core and which it is.
func model(info map[string]string) (string, error) {
	name := info["model name"]
	implementer, part := info["CPU implementer"], info["CPU part"]
	if name == "" && implementer != "" && part != "" {
		name = fmt.Sprintf("implementer %s, part %s", implementer, part)
		if core := cores[part]; core != "" && implementer == "0x41" {
			name = "Arm " + core
		}
	}
	if name == "" {
		return "", none("no model name in /proc/cpuinfo")
	}
	if !plain(name) {
		return "", fmt.Errorf("/proc/cpuinfo: %s: expected the name of a model", shorten(name))
	}
	return name, nil
}

// groups counts the groups that CPUs are in, of which file lists the members. Of a group
// only the first CPU's file is read.
func (f files) groups(file string) func(cpus []int) (int, error) {
	return func(cpus []int) (int, error) {
		count, seen := 0, map[int]bool{}
		for _, cpu := range cpus {
			if seen[cpu] {
				continue
			}
			path := fmt.Sprintf("%s/cpu%d/topology/%s", cpuFolder, cpu, file)
			members, err := f.list(path)
			if err != nil {
				return 0, err
			}
			if !slices.Contains(members, cpu) {
				return 0, fmt.Errorf("%s: expected CPU %d itself among them", path, cpu)
			}
			for _, m := range members {
				seen[m] = true
			}
			count++
		}
		return count, nil
	}
}

// governors are those of CPUs, each once. A CPU without one is left out.
func (f files) governors(cpus []int) ([]string, error) {
	all := map[string]bool{}
	for _, cpu := range cpus {
		governor, err := f.governor(fmt.Sprintf("%s/cpu%d/cpufreq/", cpuFolder, cpu))
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[governor] = true
	}
	if len(all) == 0 {
		return nil, none("no CPU has a cpufreq/scaling_governor")
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// governor is a CPU's. Where the CPU chooses its clock itself (intel_pstate, amd_pstate in active mode) "powersave" is
// a name only, and what it is asked to prefer decides: that follows in brackets.
func (f files) governor(folder string) (string, error) {
	governor, err := f.line(folder + "scaling_governor")
	if err != nil || governor != "powersave" {
		return governor, err
	}
	if preference, err := f.line(folder + "energy_performance_preference"); err == nil {
		governor += " (EPP " + preference + ")"
	}
	return governor, nil
}

// turbo is whether clocks may rise above their nominal rate.
func (f files) turbo() (bool, error) {
	for _, setting := range []struct{ path, on string }{
		{cpuFolder + "/intel_pstate/no_turbo", "0"},
		{cpuFolder + "/cpufreq/boost", "1"},
	} {
		text, err := f.line(setting.path)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			return false, err
		}
		if text != "0" && text != "1" {
			return false, fmt.Errorf("%s: %s: expected 0 or 1", setting.path, shorten(text))
		}
		return text == setting.on, nil
	}
	return false, none("no intel_pstate/no_turbo or cpufreq/boost in " + cpuFolder)
}

// caches are those of a CPU, in the order of the kernel: innermost first, data before
// instructions.
func (f files) caches(cpu int) ([]Cache, error) {
	var all []Cache
	for i := range 16 {
		folder := fmt.Sprintf("%s/cpu%d/cache/index%d/", cpuFolder, cpu, i)
		level, err := f.line(folder + "level")
		if i > 0 && errors.Is(err, errors.ErrUnsupported) {
			break
		}
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(level, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("%slevel: %s: expected a level, as in 2", folder, shorten(level))
		}
		kind, err := f.line(folder + "type")
		if err != nil {
			return nil, err
		}
		all = append(all, Cache{
			Level:     int(n),
			Type:      kind,
			SizeBytes: answer.From(f.cacheSize(folder + "size")),
			Shared:    answer.From(f.listText(folder + "shared_cpu_list")),
		})
	}
	return all, nil
}

// cacheSize is a size in KiB, as in 32K.
func (f files) cacheSize(path string) (int64, error) {
	text, err := f.line(path)
	if err != nil {
		return 0, err
	}
	number, ok := strings.CutSuffix(text, "K")
	n, err := strconv.ParseUint(number, 10, 50)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s: %s: expected a size, as in 32K", path, shorten(text))
	}
	return int64(n) << 10, nil
}
