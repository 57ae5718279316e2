package engine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxHosts bounds what a list expands to: Slurm itself has at most 65,533 nodes.
const maxHosts = 1 << 16

// expand writes out a list of hosts as Slurm shortens it, in its order:
//
//	gpu[01-03,7],login      gpu01 gpu02 gpu03 gpu7 login
//	rack[1-2]n[09-10]-ib    rack1n09-ib rack1n10-ib rack2n09-ib rack2n10-ib
//
// A range is as wide as its first number. It never allocates more than maxHosts
// names, nor names longer than a host's may be.
func expand(list string) ([]string, error) {
	var all []string
	for rest, more := list, true; more; {
		var term string
		var err error
		if term, rest, more, err = nextTerm(rest); err != nil {
			return nil, err
		}
		if all, err = appendTerm(all, term); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// nextTerm cuts a list at the first comma that is not in brackets.
func nextTerm(list string) (term, rest string, more bool, err error) {
	open := false
	for i := range len(list) {
		switch c := list[i]; {
		case c == '[' && open, c == ']' && !open:
			return "", "", false, fmt.Errorf("a %c out of place in the list of hosts", c)
		case c == '[', c == ']':
			open = !open
		case c == ',' && !open:
			return list[:i], list[i+1:], true, nil
		}
	}
	if open {
		return "", "", false, errors.New("a [ without ] in the list of hosts")
	}
	return list, "", false, nil
}

// appendTerm appends the hosts of one term, in which the last brackets vary fastest.
func appendTerm(all []string, term string) ([]string, error) {
	if term == "" {
		return nil, errors.New("a host without a name in the list of hosts")
	}
	names := []string{""}
	for more := true; more; {
		var before, numbers string
		before, term, more = strings.Cut(term, "[")
		numbers, term, _ = strings.Cut(term, "]")
		ends := []string{""}
		if more {
			var err error
			if ends, err = expandNumbers(numbers); err != nil {
				return nil, err
			}
		}
		if len(all)+len(names)*len(ends) > maxHosts {
			return nil, fmt.Errorf("more than %d hosts", maxHosts)
		}
		next := make([]string, 0, len(names)*len(ends))
		for _, name := range names {
			for _, end := range ends {
				next = append(next, name+before+end)
				if host := next[len(next)-1]; !isHost(host) {
					return nil, fmt.Errorf("%s: expected a host's name", plain(host))
				}
			}
		}
		names = next
	}
	return append(all, names...), nil
}

// expandNumbers writes out what stands in brackets: 01-03,7.
func expandNumbers(text string) ([]string, error) {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 32)
		to, err2 := strconv.ParseUint(last, 10, 32)
		if err != nil || err2 != nil || to < from {
			return nil, fmt.Errorf("[%s]: expected numbers and ranges, as in [01-03,7]", plain(part))
		}
		if to-from >= uint64(maxHosts-len(all)) {
			return nil, fmt.Errorf("[%s]: more than %d hosts", plain(part), maxHosts)
		}
		for n := from; n <= to; n++ {
			all = append(all, fmt.Sprintf("%0*d", len(first), n))
		}
	}
	return all, nil
}

// tasksOn is the number of tasks on a node, from a list for all nodes as Slurm
// shortens it: 2(x3),1 are three nodes with two each, and one with one.
func tasksOn(list string, node int) (int, error) {
	for part := range strings.SplitSeq(list, ",") {
		count, repeat, repeated := strings.Cut(part, "(x")
		repeat, closed := strings.CutSuffix(repeat, ")")
		if !repeated {
			repeat, closed = "1", true
		}
		tasks, err := strconv.ParseUint(count, 10, 31)
		nodes, err2 := strconv.ParseUint(repeat, 10, 31)
		if err != nil || err2 != nil || !closed || tasks == 0 || tasks > maxProcesses {
			return 0, fmt.Errorf("%s: expected numbers of tasks, as in 2(x3),1", plain(part))
		}
		if node < int(nodes) {
			return int(tasks), nil
		}
		node -= int(nodes)
	}
	return 0, fmt.Errorf("no node %d more in it", node)
}
