package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const maxCPUs = 8192 // the most that Linux is built for

// list is a file that holds a list of at least one number.
func (f files) list(path string) ([]int, error) {
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	numbers, err := parseList(text)
	if err == nil && len(numbers) == 0 {
		err = errors.New("the list is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return numbers, nil
}

// listText is a file that holds a list, as the kernel writes it.
func (f files) listText(path string) (string, error) {
	text, err := f.text(path)
	if err != nil {
		return "", err
	}
	if _, err := parseList(text); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return strings.TrimSpace(text), nil
}

// parseList reads a list as the kernel writes it: "0-3,8,10-11", or nothing for none. The
// kernel's lists ascend; that others are refused bounds what a damaged one allocates.
func parseList(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	var numbers []int
	next := 0 // the lowest that may still come
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || int(from) < next || to < from || to >= maxCPUs {
			return nil, fmt.Errorf("list %s: %s: expected ascending numbers below %d, as in 0-3,8,10-11", shorten(text), shorten(part), maxCPUs)
		}
		for n := int(from); n <= int(to); n++ {
			numbers = append(numbers, n)
		}
		next = int(to) + 1
	}
	return numbers, nil
}
