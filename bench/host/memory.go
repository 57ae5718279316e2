package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// kilobytes reads a field of a meminfo, in bytes: "24684092 kB".
func kilobytes(path, key string) func(fields map[string]string) (int64, error) {
	return func(fields map[string]string) (int64, error) {
		text, ok := fields[key]
		if !ok {
			return 0, none("no " + key + " in " + path)
		}
		number, ok := strings.CutSuffix(text, " kB")
		n, err := strconv.ParseUint(number, 10, 50)
		if !ok || err != nil {
			return 0, fmt.Errorf("%s: %s %s: expected a number of kB", path, key, shorten(text))
		}
		return int64(n) << 10, nil
	}
}

// pages reads a field of a meminfo that counts pages.
func pages(path, key string) func(fields map[string]string) (int, error) {
	return func(fields map[string]string) (int, error) {
		text, ok := fields[key]
		if !ok {
			return 0, none("no " + key + " in " + path)
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%s: %s %s: expected a number of pages", path, key, shorten(text))
		}
		return int(n), nil
	}
}

const thp = "/sys/kernel/mm/transparent_hugepage/"

// transparent is a setting of transparent huge pages, for those of the size that memory is mapped by. Kernels since 6.8 have
// a setting for each size, which may say to inherit that of all. Shared memory has two that overrule it.
func (f files) transparent(setting string) (string, error) {
	all, err := f.choice(thp + setting)
	if err != nil || all == "deny" || all == "force" {
		return all, err
	}
	size, err := f.pageSize(thp + "hpage_pmd_size")
	if err != nil {
		return all, nil
	}
	switch own, err := f.choice(fmt.Sprintf("%shugepages-%dkB/%s", thp, size>>10, setting)); {
	case errors.Is(err, errors.ErrUnsupported), err == nil && own == "inherit":
		return all, nil
	default:
		return own, err
	}
}

// pageSize is a file that holds a number of bytes.
func (f files) pageSize(path string) (int64, error) {
	text, err := f.line(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 50)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: expected a number of bytes", path, shorten(text))
	}
	return int64(n), nil
}

const maxNodes = 1024 // the most that Linux is built for

// nodes are those that are online.
func (f files) nodes() ([]NUMANode, error) {
	const folder = "/sys/devices/system/node"
	ids, err := f.list(folder + "/online")
	if err != nil {
		return nil, err
	}
	if last := ids[len(ids)-1]; last >= maxNodes {
		return nil, fmt.Errorf("%s/online: node %d: expected nodes below %d", folder, last, maxNodes)
	}
	var all []NUMANode
	for _, id := range ids {
		cpus, meminfo := fmt.Sprintf("%s/node%d/cpulist", folder, id), fmt.Sprintf("%s/node%d/meminfo", folder, id)
		fields, err := f.fields(meminfo)
		all = append(all, NUMANode{
			Node:        id,
			CPUs:        answer.From(f.listText(cpus)),
			MemoryBytes: told(fields, err, kilobytes(meminfo, fmt.Sprintf("Node %d MemTotal", id))),
		})
	}
	return all, nil
}
