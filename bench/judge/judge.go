package judge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/commbench/commbench/bench/record"
)

// The names of verdicts, in the order in which records have them.
const (
	LineRate   = "line-rate"   // the result is not above what the NIC can carry
	NICBytes   = "nic-bytes"   // the NIC's counters agree with the ledger
	NearestNIC = "nearest-nic" // the NIC that was used is the nearest of a GPU
	Links      = "links"       // links are up, at their full width and speed
	Clocks     = "clocks"      // no GPU was throttled
	Faults     = "faults"      // no ECC or link errors came up, and no Xid
	Governor   = "governor"    // CPUs run at full clocks
	HugePages  = "huge-pages"  // the ranks' memory may lie on huge pages
	Workers    = "workers"     // there is a CPU for each worker
	Noise      = "noise"       // iterations took about as long as each other
)

// Names are all names, in their order.
var Names = []string{LineRate, NICBytes, NearestNIC, Links, Clocks, Faults, Governor, HugePages, Workers, Noise}

func good(name, format string, args ...any) record.Verdict {
	return verdict(name, record.Good, format, args...)
}

func bad(name, format string, args ...any) record.Verdict {
	return verdict(name, record.Bad, format, args...)
}

func unknown(name, format string, args ...any) record.Verdict {
	return verdict(name, record.Unknown, format, args...)
}

func none(name, format string, args ...any) record.Verdict {
	return verdict(name, record.None, format, args...)
}

// verdict keeps a reason on one line: errors of drivers have more.
func verdict(name, state, format string, args ...any) record.Verdict {
	blank := func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}
	return record.Verdict{Name: name, State: state, Why: strings.Map(blank, fmt.Sprintf(format, args...))}
}

// findings are what one look found: bad things, things that could not be told, and how many
// were looked at.
type findings struct {
	bad, unknown []string
	looked       int
}

func (f *findings) badf(format string, args ...any) {
	f.bad = append(f.bad, fmt.Sprintf(format, args...))
}
func (f *findings) unknownf(format string, args ...any) {
	f.unknown = append(f.unknown, fmt.Sprintf(format, args...))
}

// verdict is bad if anything was, unknown if nothing was and something could not be told, and
// none if there was nothing to look at.
func (f *findings) verdict(name, all, nothing string) record.Verdict {
	switch {
	case len(f.bad) > 0:
		return bad(name, "%s", list(f.bad))
	case len(f.unknown) > 0:
		return unknown(name, "%s", list(f.unknown))
	case f.looked == 0:
		return none(name, "%s", nothing)
	}
	return good(name, "%s", all)
}

// maxListed bounds what a verdict enumerates: a switch that is down takes many links with it.
const maxListed = 4

func list(texts []string) string {
	if more := len(texts) - maxListed; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(texts[:maxListed], "; "), more)
	}
	return strings.Join(texts, "; ")
}

// rank orders states, the worst first.
var rank = []string{record.Bad, record.Unknown, record.Good, record.None}

// Merge is the verdict on several hosts: of each name the worst, with the hosts that say so.
// hosts are their names for people, as many as lists.
func Merge(hosts []string, lists [][]record.Verdict) []record.Verdict {
	if len(lists) == 1 {
		return lists[0]
	}
	var merged []record.Verdict
	for _, name := range Names {
		var worst record.Verdict
		var said []string
		for i, verdicts := range lists {
			at := slices.IndexFunc(verdicts, func(v record.Verdict) bool { return v.Name == name })
			if at < 0 {
				continue
			}
			v := verdicts[at]
			switch order := slices.Index(rank, v.State) - slices.Index(rank, worst.State); {
			case worst.Name == "" || order < 0:
				worst, said = v, []string{hosts[i] + ": " + v.Why}
			case order == 0:
				said = append(said, hosts[i]+": "+v.Why)
			}
		}
		if worst.Name == "" {
			continue
		}
		if worst.State == record.Bad || worst.State == record.Unknown {
			worst.Why = list(said)
		}
		merged = append(merged, worst)
	}
	return merged
}

// Order puts verdicts into the order of Names.
func Order(verdicts []record.Verdict) {
	slices.SortStableFunc(verdicts, func(a, b record.Verdict) int {
		return slices.Index(Names, a.Name) - slices.Index(Names, b.Name)
	})
}

// Broken are the bad verdicts of the records, each once.
func Broken(recs []record.Record) []record.Verdict {
	var all []record.Verdict
	for i := range recs {
		for _, v := range recs[i].Verdicts {
			if v.State == record.Bad && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// isNone says whether an error means that there is nothing.
func isNone(err error) bool { return errors.Is(err, errors.ErrUnsupported) }
