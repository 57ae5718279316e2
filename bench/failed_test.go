package bench

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/transport/driver"
)

// told is Peers that remember what they are told of a failure.
type told struct {
	exec.Peers
	err     error
	follows bool
}

var errJob = errors.New("why the job has failed")

func (p *told) Failed(err error, follows bool) error {
	p.err, p.follows = err, follows
	return errJob
}

func TestFailuresAreTold(t *testing.T) {
	own := errors.New("out of something")
	for _, c := range []struct {
		err     error
		follows bool
		want    error
	}{
		{own, false, errJob},
		{inputf("no such thing"), false, nil}, // as it is
		{fmt.Errorf("dispatch: %w", driver.ErrLost), true, errJob},
		{driver.ErrClosed, true, errJob},
		{driver.ErrTimeout, true, errJob},
		{fmt.Errorf("dispatch: %w", &exec.StuckError{}), true, errJob},
	} {
		p := &told{}
		got := (&Config{Peers: p}).failed(c.err)
		if c.want == nil {
			c.want = c.err
		}
		if got != c.want || p.err != c.err || p.follows != c.follows {
			t.Errorf("%v: %v, want %v; told %v, follows %v", c.err, got, c.want, p.err, p.follows)
		}
	}
	p := &told{}
	if err := (&Config{Peers: p}).failed(nil); err != nil || p.err != nil {
		t.Errorf("%v, told %v", err, p.err)
	}
	if err := (&Config{}).failed(own); err != own {
		t.Errorf("alone: %v", err)
	}
}
