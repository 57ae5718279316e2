package numa

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// hugeFields are the lines of a mapping in smaps that count huge pages: of
// anonymous memory, of shared memory, of files, and of those set aside.
var hugeFields = []string{"AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Private_Hugetlb:", "Shared_Hugetlb:"}

// hugeBytes reads smaps: how many of length bytes at an address are in huge
// pages, of each mapping at most those that it has in common with them. Mappings
// ascend, each a line with its addresses and then one for each field.
func hugeBytes(smaps io.Reader, begin uint64, length int) (int64, error) {
	end := begin + uint64(length)
	var total, room uint64 // room: what may still be counted of the present mapping
	found := length == 0
	lines := bufio.NewScanner(smaps)
	for n := 1; lines.Scan(); n++ {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasSuffix(name, ":") {
			from, to, err := addresses(name)
			if err != nil {
				return 0, fmt.Errorf("line %d: %w", n, err)
			}
			if from >= end {
				break
			}
			room = 0
			if from, to = max(from, begin), min(to, end); from < to {
				room, found = to-from, true
			}
			continue
		}
		if room == 0 || !slices.Contains(hugeFields, name) {
			continue
		}
		bytes, err := kilobytes(value)
		if err != nil {
			return 0, fmt.Errorf("line %d: %s %w", n, name, err)
		}
		bytes = min(bytes, room)
		room -= bytes
		total = min(total+bytes, uint64(length))
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("no mapping from %x to %x: expected memory that was not freed", begin, end)
	}
	return int64(total), nil
}

// addresses reads the first word of a mapping: "7f0a-7f0c", in hexadecimal.
func addresses(text string) (from, to uint64, err error) {
	a, b, _ := strings.Cut(text, "-")
	from, err = strconv.ParseUint(a, 16, 64)
	to, err2 := strconv.ParseUint(b, 16, 64)
	if err != nil || err2 != nil || from > to {
		return 0, 0, fmt.Errorf("%s: expected the addresses of a mapping or the name of a field", shorten(text))
	}
	return from, to, nil
}
