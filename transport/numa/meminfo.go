package numa

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// memTotal is the bytes of memory in a node's meminfo, whose lines are as
// "Node 0 MemTotal: 6906436 kB".
func memTotal(meminfo string) (int64, error) {
	for line := range strings.Lines(meminfo) {
		if _, value, ok := strings.Cut(line, " MemTotal:"); ok {
			n, err := kilobytes(value)
			return int64(n), err
		}
	}
	return 0, errors.New("expected a line with MemTotal")
}

// kilobytes reads " 6906436 kB" and returns bytes, below 1<<60.
func kilobytes(value string) (uint64, error) {
	value = strings.TrimSpace(value)
	number, ok := strings.CutSuffix(value, " kB")
	n, err := strconv.ParseUint(number, 10, 50)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s: expected a number of kB", shorten(value))
	}
	return n << 10, nil
}
