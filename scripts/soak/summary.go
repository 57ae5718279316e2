//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
)

// tally is the trials of a kind.
type tally struct {
	trials  int
	by      map[string]int // how process 0 ended
	slowest time.Duration
	seed    uint64 // of the slowest
}

// endings are the columns of the summary.
var endings = []string{"exit 0", "exit 1", "exit 3", "signal"}

func (k *soak) count(t *trial, o *outcome, err error) {
	k.trials++
	if err != nil {
		k.failed++
		var f failure
		if !errors.As(err, &f) {
			f.class = classOther
		}
		k.classes[f.class]++
	}
	sum := k.tallies[t.kind]
	if sum == nil {
		sum = &tally{by: map[string]int{}}
		k.tallies[t.kind] = sum
	}
	sum.trials++
	if o.took > sum.slowest {
		sum.slowest, sum.seed = o.took, t.seed
	}
	if len(o.exits) == 0 {
		return
	}
	if e := o.exits[0]; e.Signaled() {
		sum.by["signal"]++
	} else {
		sum.by[fmt.Sprintf("exit %d", e.ExitStatus())]++
	}
}

// summary prints the trials by kind, and how process 0 of each ended.
func (k *soak) summary(w io.Writer, took time.Duration) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "kind\ttrials")
	for _, e := range endings {
		fmt.Fprintf(tab, "\t%s", e)
	}
	fmt.Fprintf(tab, "\tslowest\n")
	var slowest tally
	for _, kind := range kinds {
		sum := k.tallies[kind.name]
		if sum == nil {
			continue
		}
		fmt.Fprintf(tab, "%s\t%d", kind.name, sum.trials)
		for _, e := range endings {
			fmt.Fprintf(tab, "\t%d", sum.by[e])
		}
		fmt.Fprintf(tab, "\t%v\n", sum.slowest.Round(time.Millisecond))
		if sum.slowest > slowest.slowest {
			slowest = *sum
		}
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d trials in %v: wrong data %d, hangs %d, leaks %d, other failures %d; the slowest, seed %d, took %v\n",
		k.trials, took.Round(time.Second), k.classes[classWrong], k.classes[classHang], k.classes[classLeak], k.classes[classOther],
		slowest.seed, slowest.slowest.Round(time.Millisecond))
	return err
}

// screen is one line on a terminal, and nothing elsewhere.
type screen struct{ w io.Writer }

func newScreen(w io.Writer) screen {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return screen{w}
	}
	return screen{}
}

// clearLine brings the cursor to the start of a line with nothing on it.
const clearLine = "\r\x1b[K"

func (s screen) line(format string, args ...any) {
	if s.w != nil {
		fmt.Fprintf(s.w, clearLine+format, args...)
	}
}

func (s screen) clear() { s.line("") }
