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

// mapping is a piece of address space and how much of it is in huge pages.
type mapping struct{ from, to, huge uint64 }

// mappings reads smaps: they ascend, each a line with its addresses and then one
// for each field.
func mappings(smaps io.Reader) ([]mapping, error) {
	var all []mapping
	lines := bufio.NewScanner(smaps)
	for n := 1; lines.Scan(); n++ {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasSuffix(name, ":") {
			from, to, err := addresses(name)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			all = append(all, mapping{from: from, to: to})
			continue
		}
		if len(all) == 0 || !slices.Contains(hugeFields, name) {
			continue
		}
		bytes, err := kilobytes(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s %w", n, name, err)
		}
		m := &all[len(all)-1]
		m.huge += min(bytes, m.to-m.from-m.huge)
	}
	return all, lines.Err()
}

// hugeIn is how many of length bytes at an address are in huge pages: of each
// mapping at most what it has in common with them.
func hugeIn(all []mapping, begin uint64, length int) (int64, error) {
	end, total, found := begin+uint64(length), uint64(0), length == 0
	for i := range all {
		m := &all[i]
		if from, to := max(m.from, begin), min(m.to, end); from < to {
			found = true
			huge := min(m.huge, to-from)
			m.huge -= huge // another block of the mapping has what is left
			total += huge
		}
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
