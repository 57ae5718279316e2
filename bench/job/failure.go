package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

// Sentinels that programs act on, with errors.Is.
var (
	// ErrInterrupted: somebody does not want the job to go on. It is what processes tell
	// each other when the context of Join is cancelled.
	ErrInterrupted = errors.New("interrupted")
	// ErrReported: process 0 reports the failure, so this process need not.
	ErrReported = errors.New("process 0 reports it")
)

const (
	// moment is for what comes at the same time by another way: the exit status of a
	// child whose connection broke, or the signal that others were sent as well.
	moment = 500 * time.Millisecond
	// verdict bounds the wait for news of a process whose loss was seen elsewhere first:
	// the rendezvous needs up to two seconds more than the timeout to be sure of it.
	verdict = 3 * time.Second
)

func patience(timeout time.Duration) time.Duration { return min(max(timeout, moment), verdict) }

// newJob ties the session to the context of Join, each of which ends the other.
func newJob(base context.Context, s *rendezvous.Session, kids *children) *Job {
	j := &Job{Session: s, kids: kids, base: base}
	j.ctx, j.cancel = context.WithCancelCause(base)
	context.AfterFunc(s.Context(), j.learn)
	j.unhook = context.AfterFunc(base, func() { s.Fail(j.interruption()) })
	return j
}

// Context ends when the job fails or has ended, and when that of Join does. Its cause
// is that of Join, or why the job failed: a *rendezvous.PeerError, with what is known
// of a child that has died, or the error of this process itself.
func (j *Job) Context() context.Context { return j.ctx }

// learn ends the context for why the session has ended.
func (j *Job) learn() {
	err := context.Cause(j.Session.Context())
	if peer := peerOf(err); peer != nil {
		switch {
		case peer.Err.Error() == ErrInterrupted.Error() && j.Process() == 0:
			// Who interrupts all processes, as a terminal does, means this one too.
			select {
			case <-j.base.Done():
			case <-time.After(moment):
			}
		case errors.Is(err, rendezvous.ErrLost):
			if how := j.kids.how(peer.Process); how != "" {
				err = fmt.Errorf("%w (%s)", err, how)
			}
		}
	}
	j.cancel(err)
}

func peerOf(err error) *rendezvous.PeerError {
	var peer *rendezvous.PeerError
	if errors.As(err, &peer) {
		return peer
	}
	return nil
}

// interruption is what others are told of the end of base.
func (j *Job) interruption() error {
	if err := context.Cause(j.base); !errors.Is(err, context.Canceled) {
		return err
	}
	return ErrInterrupted
}

// Phase is the Session's.
func (j *Job) Phase(phase string) {
	j.phase.Store(&phase)
	j.Session.Phase(phase)
}

// Exchange is the Session's. Its error is the cause of Context.
func (j *Job) Exchange(ctx context.Context, what string, blob []byte) ([][]byte, error) {
	defer context.AfterFunc(ctx, func() { _ = j.Failed(context.Cause(ctx), false) })()
	blobs, err := j.Session.Exchange(context.Background(), what, blob)
	if err != nil && j.Session.Context().Err() != nil {
		<-j.ctx.Done()
		err = context.Cause(j.ctx)
	}
	return blobs, err
}

// Failed tells all other processes at once that this one cannot go on, and returns why
// the job has failed: err, with what names this process, or what came first. An error
// that may follow from a failure elsewhere (a peer that is lost, say) is not told before
// others had a little time to tell of theirs.
func (j *Job) Failed(err error, follows bool) error {
	if follows {
		select {
		case <-j.ctx.Done():
		case <-time.After(j.patience):
		}
	}
	if j.base.Err() != nil {
		j.Session.Fail(j.interruption())
		return context.Cause(j.base)
	}
	j.Session.Fail(err)
	<-j.ctx.Done()
	if why := context.Cause(j.ctx); peerOf(why) != nil || j.base.Err() != nil {
		return why
	}
	if peerOf(err) != nil {
		return err
	}
	me := j.Peers()[j.Process()]
	mine := &rendezvous.PeerError{Process: j.Process(), Name: me.Name, Host: me.Host, Err: err}
	if phase := j.phase.Load(); phase != nil {
		mine.Phase = *phase
	}
	return mine
}

// parting is for a child whose parent's connection ended to see whether its pipe does as well: a parent
// that is gone takes its children along, without a word of theirs.
const parting = 100 * time.Millisecond

// End ends the job: in good order if err is nil, and otherwise as Failed does. It
// returns when all children are gone. Its error is why the end was not good, if it
// should have been.
func (j *Job) End(err error) error {
	if err != nil {
		_ = j.Failed(err, false)
	}
	j.unhook()
	if j.Session.Context().Err() != nil {
		<-j.ctx.Done()
		why := context.Cause(j.ctx)
		if errors.Is(why, rendezvous.ErrLost) {
			j.kids.kill(peerOf(why).Process) // it may have been stopped
			if j.child && peerOf(why).Process == 0 {
				time.Sleep(parting)
			}
		}
		j.kids.leave(childHaste)
		_ = j.Close() // which waits for peers that have not
		if err != nil {
			return nil
		}
		return why
	}
	end := j.Close()
	<-j.ctx.Done()
	j.kids.leave(childGrace)
	return errors.Join(end, j.kids.strays())
}

// Reported says whether process 0 tells of the failure. It does not if it is lost, and
// a failure of its own a process tells of itself, unless it is a child, which writes to
// where its parent does.
func (j *Job) Reported() bool {
	if j.base.Err() != nil {
		return true
	}
	why := context.Cause(j.Session.Context())
	peer := peerOf(why)
	if peer == nil {
		return j.child
	}
	return peer.Process > 0 || !errors.Is(why, rendezvous.ErrLost)
}
