package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/faulty"
)

// Processes that tests start read from this variable what is to happen to them: items
// that are separated by semicolons, each
//
//	PROCESS WHEN NAME COUNT HOW
//
// At the COUNTth exchange NAME of that process, before or after it, or at the COUNTth
// verb over the scale-out transport in the phase NAME (WHEN is during), HOW happens.
// WHEN is start for what happens to one of the children before it has joined.
const sabotageVar = "COMMBENCH_TEST_SABOTAGE"

// versionVar is another version for a process to have.
const versionVar = "COMMBENCH_TEST_VERSION"

func init() {
	if v := os.Getenv(versionVar); v != "" {
		version = v
	}
	var all []*item
	for text := range strings.SplitSeq(os.Getenv(sabotageVar), ";") {
		i := &item{}
		if n, _ := fmt.Sscan(text, &i.process, &i.when, &i.name, &i.count, &i.how); n == 5 {
			i.name = strings.ReplaceAll(i.name, "_", " ")
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return
	}
	if i := all[0]; i.when == "start" && os.Getenv("COMMBENCH_JOB_PIPE") != "" {
		// One of them makes the file.
		if os.Mkdir(filepath.Join(os.TempDir(), "started"), 0o700) == nil {
			_ = i.happen(nil)
		}
	}
	sabotage = func(c *bench.Config) {
		j, ok := c.Peers.(*job.Job)
		if !ok {
			return
		}
		s := &saboteur{Job: j, items: slices.DeleteFunc(all, func(i *item) bool { return i.process != j.Process() })}
		same := c.ScaleUp == c.ScaleOut
		c.ScaleOut = faulty.New(&memoryOf{c.ScaleOut, s}, faulty.Spec{Match: s.verb})
		if same {
			c.ScaleUp = c.ScaleOut
		}
		c.Peers = s
	}
}

type item struct {
	process    int
	when, name string
	count      int
	how        string
	done       atomic.Bool
}

// happen is the end of a process, or what comes near to it.
func (i *item) happen(s *saboteur) error {
	self := os.Getpid()
	switch i.how {
	case "kill":
		_ = syscall.Kill(self, syscall.SIGKILL)
	case "stop": // to this thread, so that it takes no step more
		runtime.LockOSThread()
		_ = unix.Tgkill(self, unix.Gettid(), unix.SIGSTOP)
	case "interrupt":
		_ = syscall.Kill(self, syscall.SIGINT)
	case "terminate":
		_ = syscall.Kill(self, syscall.SIGTERM)
	case "terminate-again":
		for range 20 {
			_ = syscall.Kill(self, syscall.SIGTERM)
			time.Sleep(time.Millisecond)
		}
	case "interrupt-all": // of the process group, as a terminal does
		_ = syscall.Kill(0, syscall.SIGINT)
	case "exit":
		os.Exit(7)
	case "error":
		return errors.New("sabotage")
	case "corrupt":
		for at := range s.memory {
			s.memory[at] ^= 0x55
		}
	}
	return nil
}

// saboteur is the Peers of a process.
type saboteur struct {
	*job.Job
	items  []*item
	armed  atomic.Pointer[item] // at its count of verbs
	verbs  atomic.Int64
	memory []byte // of the ranks
}

func (s *saboteur) Exchange(ctx context.Context, what string, blob []byte) ([][]byte, error) {
	if strings.HasSuffix(what, " done") {
		s.armed.Store(nil)
	}
	if err := s.at("before", what); err != nil {
		return nil, err
	}
	blobs, err := s.Job.Exchange(ctx, what, blob)
	if err != nil {
		return nil, err
	}
	s.verbs.Store(0)
	return blobs, errors.Join(s.at("after", what), s.at("during", what))
}

func (s *saboteur) at(when, what string) error {
	for _, i := range s.items {
		if i.when != when || i.name != what {
			continue
		}
		if when == "during" {
			s.armed.Store(i)
		} else if i.count--; i.count == 0 {
			return i.happen(s)
		}
	}
	return nil
}

// verb is called for each verb over the scale-out transport. None is hit.
func (s *saboteur) verb(faulty.Verb) bool {
	if i := s.armed.Load(); i != nil && s.verbs.Add(1) == int64(i.count) && i.done.CompareAndSwap(false, true) {
		_ = i.happen(s)
	}
	return false
}

// memoryOf is a driver whose memory a saboteur knows.
type memoryOf struct {
	driver.Driver
	s *saboteur
}

func (d *memoryOf) Alloc(size int) (driver.Memory, error) {
	m, err := d.Driver.Alloc(size)
	if err == nil {
		d.s.memory = m.Bytes()
	}
	return m, err
}
