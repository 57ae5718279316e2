package numa

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

func readList(path string) ([]int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cpus, err := ParseList(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cpus, nil
}

// ParseList reads a list of CPUs as the kernel writes it: "0-3,8,10-11", or
// nothing for none. The kernel's lists ascend; that others are refused bounds
// what a damaged one allocates.
func ParseList(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	var cpus []int
	next := 0 // the lowest number that may still come
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("CPU list %s: %s: expected numbers below %d, as in 0-3,8,10-11", shorten(text), shorten(part), maxCPUs)
		}
		if int(from) < next || to < from {
			return nil, fmt.Errorf("CPU list %s: %s: the numbers must ascend", shorten(text), shorten(part))
		}
		for cpu := int(from); cpu <= int(to); cpu++ {
			cpus = append(cpus, cpu)
		}
		next = int(to) + 1
	}
	return cpus, nil
}

// formatList is the way back.
func formatList(cpus []int) string {
	var b strings.Builder
	for i := 0; i < len(cpus); {
		from := i
		for i++; i < len(cpus) && cpus[i] == cpus[i-1]+1; i++ {
		}
		if from > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, cpus[from])
		if i-from > 1 {
			fmt.Fprintf(&b, "-%d", cpus[i-1])
		}
	}
	return b.String()
}

// shorten quotes a text for an error, cut if it is long.
func shorten(text string) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
