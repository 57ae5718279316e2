package rendezvous

import (
	"fmt"
	"sync"
)

const maxLines = 5

// refusals logs what is worth a line, but not a line for each knock of a scanner.
type refusals struct {
	log func(string)

	mu   sync.Mutex
	n    int
	last string
}

func (r *refusals) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.last = line
	if r.n <= maxLines && r.log != nil {
		r.log("rendezvous: " + line)
	}
}

// summary is for the error of a job that did not come together: the reason may be
// among these.
func (r *refusals) summary() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		return ""
	}
	return fmt.Sprintf("; connections were refused or lost %d times, the last: %s", r.n, r.last)
}

// close says how much was not said.
func (r *refusals) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.n - maxLines; n > 0 && r.log != nil {
		r.log(fmt.Sprintf("rendezvous: and %d more like these, the last: %s", n, r.last))
	}
}
