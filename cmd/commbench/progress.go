package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/commbench/commbench/bench"
)

// progress is one line on a terminal that says what a run is doing. It keeps
// silent for the first second, and altogether where nobody can see it.
type progress struct {
	w     io.Writer // nil: show nothing
	start time.Time
	last  time.Time
	width int // of the line on the screen
}

func newProgress(w io.Writer, quiet bool) *progress {
	if quiet || !repaints(w) {
		return &progress{}
	}
	return &progress{w: w, start: time.Now()}
}

// terminal says whether a person sees what is written.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// repaints says whether what is on the screen can be written over.
func repaints(w io.Writer) bool { return terminal(w) && os.Getenv("TERM") != "dumb" }

func (p *progress) update(s bench.Progress) {
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 50*time.Millisecond {
		return
	}
	p.last = now
	line := s.Stage
	if s.All > 0 {
		line = fmt.Sprintf("%s (%d of %d)", line, s.Done, s.All)
	}
	p.clear()
	p.width = len(line)
	fmt.Fprint(p.w, line)
}

// clear takes the line off the screen.
func (p *progress) clear() {
	if p.w != nil && p.width > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.width, "")
		p.width = 0
	}
}
