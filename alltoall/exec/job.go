package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport/block"
)

// status is what a step of a role came to.
type status int

const (
	idle     status = iota // nothing to do until a peer moves
	moved                  // did something; may do more
	finished               // nothing left in this run
)

// role is a state machine of one rank. It is stepped by one worker at a time.
type role interface {
	step() (status, error)
	// begin makes the role ready to run the rank's plan.
	begin(p plan.Plan)
	// where says which rank it is of, and for errors what it waits for.
	where() waiting
}

// waiting describes what a role waits for.
type waiting struct {
	Rank, Peer, Channel int    // Peer and Channel are -1 where there is none
	Role                string // "sender", ...
	For                 string // what it awaits, in words
	Awaited, Seen       uint64 // the value of the word
	last                bool   // waits for the end of all others' work
}

// StuckError says that nothing moved for the timeout.
type StuckError struct {
	Op      string
	Timeout time.Duration
	waiting
	Others int // other roles that wait too
}

func (e *StuckError) Error() string {
	at := fmt.Sprintf("rank %d", e.Rank)
	if e.Channel >= 0 {
		at += fmt.Sprintf(", channel %d", e.Channel)
	}
	from := ""
	if e.Peer >= 0 {
		from = fmt.Sprintf(" from rank %d", e.Peer)
	}
	return fmt.Sprintf("%s: nothing moved for %v: %s, role %s, awaits %s%s: awaited %d, seen %d; %d other roles wait too; look at that peer first, or raise --timeout",
		e.Op, e.Timeout, at, e.Role, e.For, from, e.Awaited, e.Seen, e.Others)
}

// member is a role of a group, with the local index of its rank.
type member struct {
	role
	local int
}

// group is a set of roles that feed each other.
type group struct {
	roles  []member
	active []member // those not finished; same capacity as roles
	home   int      // memory node of its first rank, index in Topology.Nodes
}

// job is one phase of one operation: a list of groups to finish.
type job struct {
	op  string
	ctx context.Context
	*news
	groups []*group

	mu    sync.Mutex
	queue []*group // groups with roles left that no worker holds
	open  int      // groups with roles left

	left     []atomic.Int32  // [local ranks] roles left
	elapsed  []time.Duration // [local ranks] from start to the last role's end
	roles    []int32         // [local ranks] roles in all
	start    time.Time
	progress atomic.Uint64
	failed   atomic.Bool
	err      error
}

func newJob(op string, ranks int, groups []*group) *job {
	j := &job{op: op, groups: groups, queue: make([]*group, 0, len(groups)),
		left: make([]atomic.Int32, ranks), elapsed: make([]time.Duration, ranks), roles: make([]int32, ranks)}
	for _, g := range groups {
		g.active = make([]member, 0, len(g.roles))
		for _, r := range g.roles {
			j.roles[r.local]++
		}
	}
	return j
}

// rewind queues all roles again, for the plans of the local ranks.
func (j *job) rewind(plans []plan.Plan) {
	j.queue = append(j.queue[:0], j.groups...)
	j.open = len(j.groups)
	for _, g := range j.groups {
		g.active = append(g.active[:0], g.roles...)
		for _, r := range g.roles {
			r.begin(plans[r.local])
		}
	}
	for i := range j.left {
		j.left[i].Store(j.roles[i])
		j.elapsed[i] = 0
	}
	j.err = nil
	j.failed.Store(false)
}

// take gives a worker its next group: the first of all, or if it is choosy the
// first whose rows are on its memory node, if there is one. It is nil if all are
// held by others, or if there are none left, which done says.
func (j *job) take(node int, choosy bool) (g *group, done bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open == 0 || j.failed.Load() {
		return nil, true
	}
	if len(j.queue) == 0 {
		return nil, false
	}
	at := 0
	if choosy {
		at = max(0, slices.IndexFunc(j.queue, func(g *group) bool { return g.home == node }))
	}
	g = j.queue[at]
	j.queue = slices.Delete(j.queue, at, at+1) // a few hundred pointers at most, and rarely
	return g, false
}

// put gives a group back: to the end of the queue, or for good if it is done. moved
// says whether anything in it did since it was taken.
func (j *job) put(g *group, moved bool) {
	block.Fence() // whoever takes it next, or reads its rows, sees all of them
	if moved {
		j.push()
	}
	j.mu.Lock()
	if len(g.active) == 0 {
		j.open--
	} else {
		j.queue = append(j.queue, g)
	}
	j.mu.Unlock()
	if moved {
		j.ring()
	}
}

func (j *job) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = err
	}
	j.failed.Store(true)
	j.ring()
}

// run steps a group for as long as anything in it moves.
func (j *job) run(g *group) (any bool) {
	for {
		again := false
		keep := g.active[:0]
		for _, r := range g.active {
			st, err := r.step()
			if err != nil {
				w := r.where()
				j.fail(fmt.Errorf("%s: rank %d, channel %d, role %s: %w", j.op, w.Rank, w.Channel, w.Role, err))
				return true
			}
			switch st {
			case finished:
				j.finish(r)
				any = true
				continue
			case moved:
				again, any = true, true
			}
			keep = append(keep, r)
		}
		g.active = keep
		if any {
			j.progress.Add(1)
		}
		if !again || j.failed.Load() || j.ctx.Err() != nil {
			return any
		}
	}
}

func (j *job) finish(r member) {
	if j.left[r.local].Add(-1) == 0 {
		j.elapsed[r.local] = time.Since(j.start)
	}
}

// work is the part of a job that a worker of the memory node does.
func (j *job) work(node int, timeout time.Duration) {
	var (
		idle  = j.backoff() // since this worker last moved anything
		idles int           // groups tried since then, or since the last pause
		seen  = j.progress.Load()
		since time.Duration // idle time when anyone last moved anything
	)
	for {
		if err := j.ctx.Err(); err != nil {
			j.fail(context.Cause(j.ctx))
		}
		// Who has just found nothing takes what has waited longest: a node's own groups
		// may wait for those of another, which nobody else may step.
		g, done := j.take(node, idles == 0)
		if done {
			return
		}
		if g != nil {
			any := j.run(g)
			j.put(g, any)
			if any {
				idle, idles, since = j.backoff(), 0, 0
				continue
			}
		}
		// Only a full round of groups without a move is a reason to back off.
		if idles++; idles < len(j.groups) && g != nil {
			continue
		}
		idles = 0
		if j.poll() {
			continue
		}
		idle.Pause()
		if err := j.fault(); err != nil {
			j.fail(fmt.Errorf("%s: %w", j.op, err))
			return
		}
		if now := j.progress.Load(); now != seen {
			seen, since = now, idle.Waited()
		} else if idle.Waited()-since > timeout {
			j.fail(errStuck)
			return
		}
	}
}

// errStuck stands for the StuckError until all workers have put their groups
// back: only then are all roles in the queue.
var errStuck = errors.New("nothing moved")

// stuck describes what is waited for: by preference a role in the middle of the
// flow, since receivers wait for whatever is wrong before them. It is nil if at
// the last moment the job was done after all.
func (j *job) stuck(timeout time.Duration) error {
	if j.open == 0 {
		return nil
	}
	e := &StuckError{Op: j.op, Timeout: timeout, waiting: waiting{Rank: -1, Peer: -1, Channel: -1}, Others: -1}
	for _, g := range j.queue {
		for _, r := range g.active {
			e.Others++
			if w := r.where(); e.Rank < 0 || e.last && !w.last {
				e.waiting = w
			}
		}
	}
	return e
}
