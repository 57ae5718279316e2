package faulty

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Spec says which faults to inject. The zero Spec injects none.
type Spec struct {
	// Seed decides what is left to chance.
	Seed uint64
	// Delay: each verb takes effect up to so much later. Those of a channel keep
	// their order, so that one also waits for those before it. What is shorter than
	// a millisecond is waited for by yielding, which takes time of a core.
	Delay time.Duration
	// Drop is the chance that a verb is lost, without an error: 0 is never, 1 always.
	Drop float64
	// DropAt is the verb that is lost, counted from 1 over all channels of the
	// driver value; 0 is none.
	DropAt int64
	// Cut is the number of verbs, over all channels of the driver value, after which
	// each channel that is used again is cut: it returns ErrCut and delivers nothing
	// more. What came before still arrives. 0 is never.
	Cut int64
	// Reorder: puts land in any order between two verbs that order them.
	Reorder bool
	// Match says which verbs are hit, and counted. Nil is all. It is called once for
	// each verb, from any goroutine, before the verb returns.
	Match func(Verb) bool
}

// Verb is what Match is told of a verb.
type Verb struct {
	World   string
	Rank    int // who calls; ranks are those of the world
	Peer    int
	Channel int // its index
	Kind    Kind
	Word    int // of a signal or a put-signal
}

// maxDelay is far above what is of use, so that a mistyped delay is an error.
const maxDelay = time.Hour

// Parse reads faults from text such as "delay=200us,drop=0.001,cut=5000,reorder,seed=7"
// (and drop-at=N), in any order, each at most once. The empty text is no fault.
func Parse(text string) (Spec, error) {
	var s Spec
	if text == "" {
		return s, nil
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, given := strings.Cut(part, "=")
		if seen[name] {
			return Spec{}, fmt.Errorf("fault %q: %s is given twice", part, name)
		}
		seen[name] = true
		if err := s.set(name, value, given); err != nil {
			return Spec{}, fmt.Errorf("fault %q: %w", part, err)
		}
	}
	return s, nil
}

func (s *Spec) set(name, value string, given bool) (err error) {
	switch name {
	case "seed":
		if s.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			return fmt.Errorf("the seed must be a whole number from 0 to 2^64-1")
		}
	case "delay":
		if s.Delay, err = time.ParseDuration(value); err != nil || s.Delay < 0 || s.Delay > maxDelay {
			return fmt.Errorf("the delay must be a time from 0s to %v, such as 200us", maxDelay)
		}
	case "drop":
		if s.Drop, err = strconv.ParseFloat(value, 64); err != nil || !(s.Drop >= 0 && s.Drop <= 1) {
			return fmt.Errorf("the chance must be a number from 0 to 1")
		}
	case "drop-at":
		s.DropAt, err = verbs(value)
	case "cut":
		s.Cut, err = verbs(value)
	case "reorder":
		if s.Reorder = true; given {
			return fmt.Errorf("reorder takes no value")
		}
	default:
		return fmt.Errorf("there is no such fault; there are delay=TIME, drop=CHANCE, drop-at=N, cut=N, reorder, and seed=N")
	}
	return err
}

// verbs is a number of verbs.
func verbs(value string) (int64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("the number of verbs must be a whole number from 0 on")
	}
	return int64(n), nil
}

// String is what Parse reads, but for Match.
func (s Spec) String() string {
	var parts []string
	add := func(is bool, format string, args ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(s.Delay != 0, "delay=%v", s.Delay)
	add(s.Drop != 0, "drop=%v", s.Drop)
	add(s.DropAt != 0, "drop-at=%d", s.DropAt)
	add(s.Cut != 0, "cut=%d", s.Cut)
	add(s.Reorder, "reorder")
	add(s.Seed != 0, "seed=%d", s.Seed)
	return strings.Join(parts, ",")
}
