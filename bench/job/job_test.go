package job

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/transport/rendezvous"
)

// long is far more than anything here takes.
const long = 30 * time.Second

// partVar is what a child does: see parts.
const partVar = "COMMBENCH_JOB_TEST_PART"

func TestMain(m *testing.M) {
	if inherited() {
		child := parts[os.Getenv(partVar)]
		if child == nil { // it has what the parent has set, and nothing to do
			os.Exit(0)
		}
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// ranks are those of all jobs here.
const ranks = 6

// pair is the configuration of process p of n, which are told where they are.
func pair(t testing.TB, n int) func(p int) Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	return func(p int) Config {
		return Config{Flags: engine.Flags{Rank: &p, World: &n, Rendezvous: at}, Ranks: ranks, Timeout: long}
	}
}

// joined is n processes, all in this one.
func joined(t testing.TB, contexts ...context.Context) []*Job {
	t.Helper()
	jobs, errs := meetAll(contexts, pair(t, len(contexts)))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for p, err := range endAll(jobs, nil) {
			if err != nil && jobs[p].Session.Context().Err() == nil {
				t.Error(err)
			}
		}
	})
	return jobs
}

func meetAll(contexts []context.Context, config func(p int) Config) ([]*Job, []error) {
	jobs, errs := make([]*Job, len(contexts)), make([]error, len(contexts))
	var wg sync.WaitGroup
	for p, ctx := range contexts {
		wg.Go(func() { jobs[p], errs[p] = Join(ctx, config(p)) })
	}
	wg.Wait()
	return jobs, errs
}

func endAll(jobs []*Job, err error) []error {
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for p, j := range jobs {
		wg.Go(func() { errs[p] = j.End(err) })
	}
	wg.Wait()
	return errs
}

func background(n int) []context.Context {
	all := make([]context.Context, n)
	for i := range all {
		all[i] = context.Background()
	}
	return all
}

// cause waits for the end of a job's context.
func cause(t testing.TB, j *Job) error {
	t.Helper()
	select {
	case <-j.Context().Done():
		return context.Cause(j.Context())
	case <-time.After(long):
		t.Fatalf("process %d has not learned of the failure", j.Process())
		return nil
	}
}

func contains(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: want %q in it", err, part)
		}
	}
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}

func TestAlone(t *testing.T) {
	for _, c := range []Config{
		{Ranks: ranks, Procs: 1},
		{Ranks: ranks, Flags: engine.Flags{Engine: "none"}},
		{Ranks: ranks, Flags: engine.Flags{Rank: new(0), World: new(1)}},
	} {
		if j, err := Join(context.Background(), c); j != nil || err != nil {
			t.Errorf("%+v: %v, %v", c, j, err)
		}
	}
}

func TestTogether(t *testing.T) {
	jobs := joined(t, background(3)...)
	var wg sync.WaitGroup
	for p, j := range jobs {
		wg.Go(func() {
			blobs, err := j.Exchange(j.Context(), "numbers", []byte{byte(p)})
			if err != nil || len(blobs) != 3 || blobs[2][0] != 2 {
				t.Errorf("process %d: %v, %v", p, blobs, err)
			}
		})
		if j.Hosts != 1 || j.OnHost != 3 || j.Bind != "127.0.0.1" || string(j.Secret) != loopbackSecret {
			t.Errorf("process %d: %d hosts, %d here, data at %s, secret %q", p, j.Hosts, j.OnHost, j.Bind, j.Secret)
		}
	}
	wg.Wait()
	if peer := jobs[0].Peers()[1]; peer.Name != "ranks 2 to 3" {
		t.Errorf("process 1 is %+v", peer)
	}
}

// A failure is told at once, and is the same for all.
func TestFailed(t *testing.T) {
	jobs := joined(t, background(3)...)
	jobs[2].Phase("laundry")
	err := jobs[2].Failed(errors.New("no soap"), false)
	want := "process 2 (ranks 4 to 5) on host " + hostname() + ", in phase laundry: no soap"
	if err.Error() != want || jobs[2].Reported() {
		t.Errorf("%v, want %s; reported: %v", err, want, jobs[2].Reported())
	}
	for _, j := range jobs[:2] {
		if err := cause(t, j); err.Error() != want || !j.Reported() {
			t.Errorf("process %d: %v, want %s; reported: %v", j.Process(), err, want, j.Reported())
		}
		// What comes later is a consequence.
		if err := j.Failed(errors.New("all wet"), false); err.Error() != want {
			t.Errorf("process %d: %v, want %s", j.Process(), err, want)
		}
		if _, err := j.Exchange(j.Context(), "more", nil); err == nil || err.Error() != want {
			t.Errorf("process %d: %v, want %s", j.Process(), err, want)
		}
	}
	if err := jobs[0].End(nil); err == nil || err.Error() != want {
		t.Errorf("a good end of a job that has failed: %v, want %s", err, want)
	}
}

// What may follow from another failure waits for it.
func TestFailureThatFollows(t *testing.T) {
	jobs := joined(t, background(2)...)
	follows := make(chan error)
	go func() { follows <- jobs[0].Failed(errors.New("the line is dead"), true) }()
	_ = jobs[1].Failed(errors.New("cut it"), false)
	contains(t, <-follows, "process 1 (ranks 3 to 5)", ": cut it")

	jobs = joined(t, background(2)...)
	jobs[0].patience = time.Millisecond
	contains(t, jobs[0].Failed(errors.New("the line is dead"), true), "process 0 (ranks 0 to 2)", ": the line is dead")
	contains(t, cause(t, jobs[1]), "process 0 (ranks 0 to 2)", ": the line is dead")
}

func TestInterrupted(t *testing.T) {
	ctx := func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }
	t.Run("one", func(t *testing.T) {
		one, cancel := ctx()
		jobs := joined(t, context.Background(), one)
		cancel()
		contains(t, cause(t, jobs[0]), "process 1 (ranks 3 to 5)", ": interrupted")
		if err := cause(t, jobs[1]); !errors.Is(err, context.Canceled) || !jobs[1].Reported() {
			t.Errorf("%v; reported: %v", err, jobs[1].Reported())
		}
	})
	t.Run("process 0", func(t *testing.T) {
		one, cancel := ctx()
		jobs := joined(t, one, context.Background())
		cancel()
		contains(t, cause(t, jobs[1]), "process 0 (ranks 0 to 2)", ": interrupted")
		if !jobs[1].Reported() {
			t.Error("process 0 lives, and reports")
		}
	})
	t.Run("all", func(t *testing.T) { // of whom process 0 learns it last
		first, cancelFirst := ctx()
		other, cancel := ctx()
		jobs := joined(t, first, other)
		cancel()
		<-jobs[0].Session.Context().Done()
		cancelFirst()
		if err := cause(t, jobs[0]); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("joining", func(t *testing.T) {
		config := pair(t, 2)
		for p := range 2 {
			one, cancel := ctx()
			time.AfterFunc(20*time.Millisecond, cancel)
			_, err := Join(one, config(p))
			if !errors.Is(err, context.Canceled) || errors.Is(err, ErrReported) != (p > 0) {
				t.Errorf("process %d: %v", p, err)
			}
		}
	})
	t.Run("exchange", func(t *testing.T) { // by a context of its own
		jobs := joined(t, background(2)...)
		one, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, errors.New("no time"))
		defer cancel()
		_, err := jobs[1].Exchange(one, "never", nil)
		contains(t, err, "no time")
		contains(t, cause(t, jobs[0]), "process 1 (ranks 3 to 5)", ": no time")
	})
}

func TestBadPlaces(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Procs: 4}, "6 ranks in 4 processes: each must have as many; 3 or 6 processes would do"},
		{Config{Procs: 7}, "each must have one at least"},
		{Config{Procs: maxProcs + 1}, "want at most 4096"},
		{Config{Flags: engine.Flags{World: new(2)}}, "--rank or COMMBENCH_RANK"},
		{Config{Flags: engine.Flags{Rank: new(0), World: new(4), Rendezvous: "127.0.0.1:1"}}, "6 ranks in 4 processes"},
		{Config{Flags: engine.Flags{Rank: new(0), World: new(2), Rendezvous: "192.0.2.1:1"}}, "needs a secret"},
		{Config{Flags: engine.Flags{Rank: new(0), World: new(2), Rendezvous: "127.0.0.1:1"}, Bind: "192.0.2.1"}, "data connections of 192.0.2.1, which is not loopback, need a secret"},
		{Config{Flags: engine.Flags{Rank: new(0), World: new(2), Rendezvous: "0.0.0.0:1"}, Secret: []byte("s")}, "every address of a host"},
		{Config{Secret: make([]byte, maxSecret+1)}, "a secret of 1025 bytes"},
	} {
		c.config.Ranks, c.config.Timeout = ranks, long
		_, err := Join(context.Background(), c.config)
		contains(t, err, c.want)
		if !IsUsage(err) {
			t.Errorf("%v is no error of usage", err)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		process, processes, ranks int
		want                      string
	}{
		{0, 1, 4, "ranks 0 to 3"}, {1, 2, 4, "ranks 2 to 3"}, {3, 4, 4, "rank 3"}, {0, 8, 4, ""}, {0, 3, 4, ""},
	} {
		if got := Span(c.process, c.processes, c.ranks); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestSharedNodesAreOnOneHost(t *testing.T) {
	jobs := joined(t, background(3)...) // of ranks 0 and 1, 2 and 3, 4 and 5
	j := jobs[0]
	for _, c := range []struct {
		hosts       string
		nodes, gpus int
		good        bool
	}{
		{"a a a", 2, 3, true},
		{"a a b", 2, 3, false}, // process 1 has ranks of both nodes
		{"a b b", 2, 3, false},
		{"a b c", 3, 2, true},
		{"a b c", 6, 1, true},
		{"a a b", 1, 6, false},
	} {
		j.hosts = strings.Fields(c.hosts)
		err := j.Together(c.nodes, c.gpus)
		if (err == nil) != c.good || err != nil && (!IsUsage(err) || !strings.Contains(err.Error(), "take --scale-up tcp")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Two hosts may have one name, and one host several containers.
func TestIdentity(t *testing.T) {
	if a := host.Identity("pid"); !strings.HasPrefix(a, hostname()+" ") || a != host.Identity("pid") {
		t.Errorf("%q", a)
	}
	if got := name("node01 0123 pid:[1]"); got != `"node01"` {
		t.Error(got)
	}
}

// A hub that dies is lost to the members, who then are alone with the news.
func TestLost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1)
	relay := relay(t, l.Addr().String(), conns)
	config := pair(t, 2)
	member := config(1)
	member.Flags.Rendezvous = relay
	done := make(chan *Job, 1)
	go func() {
		j, err := Join(context.Background(), member)
		if err != nil {
			t.Error(err)
		}
		done <- j
	}()
	s, err := rendezvous.Join(context.Background(), rendezvous.Config{Processes: 2, Listener: l, Secret: []byte(loopbackSecret), Timeout: long})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exchange(context.Background(), "hosts", []byte("a b c")); err != nil {
		t.Fatal(err)
	}
	j := <-done
	(<-conns).Close()
	contains(t, cause(t, j), "process 0 on host ")
	if j.Reported() {
		t.Error("process 0 is lost, and cannot report that")
	}
	_ = j.End(errors.New("over"))
	s.Close()
}

// relay is a way to an address that can be cut.
func relay(t *testing.T, to string, conns chan<- net.Conn) (at string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	wg.Go(func() {
		defer l.Close()
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		conns <- in
		wg.Go(func() {
			_, _ = io.Copy(out, in)
			out.Close()
		})
		_, _ = io.Copy(in, out)
		in.Close()
	})
	return l.Addr().String()
}
