package drivertest

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// What goes through the pipe, apart from plain numbers. Package rpc takes types that are
// exported or have no name, so these have none.
type (
	where = struct {
		ID   int
		Path string // of a file that is the memory
	}
	listenArgs = struct {
		Driver   int
		Place    driver.Place
		Memories []int
		Words    int
		Timeout  time.Duration
		Hold     bool
	}
	listened = struct {
		ID      int
		Address []byte
		Belled  bool
		Bells   [2]int // its own, and that of all
	}
	connectArgs = struct {
		Endpoint int
		Addrs    [][]byte
	}
	parkArgs = struct {
		Bell   int
		Ticket uint32
		For    time.Duration
	}
	verbArgs = struct {
		Channel         int
		Verb            string
		Segment, Offset int
		Src             []byte
		Word            int
		Add             uint64
	}
)

const (
	service   = "Ranks"
	endOfName = "\x00" // between the sentinel that an error is and its text
)

var sentinels = []error{driver.ErrNotSupported, driver.ErrClosed, driver.ErrBadAddress, driver.ErrTimeout, driver.ErrLost}

// named puts the sentinel's name before an error, as only its text arrives.
func named(err error) error {
	for _, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return fmt.Errorf("%v%s%v", sentinel, endOfName, err)
		}
	}
	return err
}

// serve is what the other process does until it ends: with the test, as that has the
// other end of its standard input.
func serve(newDriver func() driver.Driver, dir string) {
	// What the runtime opens for its first pipe or socket must not be taken for a leak.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	server := rpc.NewServer()
	if err := server.RegisterName(service, &ranks{newDriver: newDriver, dir: dir}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.ServeConn(pipe{lifeline{}, os.NewFile(3, "answers")}) // 3 is the first that is inherited
	os.Exit(1)                                                   // what came was no call
}

// lifeline is standard input. Its end is that of the process, whatever it does.
type lifeline struct{}

func (lifeline) Read(b []byte) (int, error) {
	n, err := os.Stdin.Read(b)
	if err != nil {
		if err == io.EOF {
			os.Exit(0)
		}
		os.Exit(1)
	}
	return n, nil
}

// ranks are those of the other process, with all that belongs to them. Each call comes
// in a goroutine of its own. What is unknown is a fault of this package, and a panic.
type ranks struct {
	newDriver func() driver.Driver
	dir       string
	leaks     func() error

	mu   sync.Mutex
	kept []any // by id
}

// keep makes an id for v, the same for a bell that is known.
func (r *ranks) keep(v any) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bell, ok := v.(driver.Bell); ok {
		if id := slices.IndexFunc(r.kept, func(v any) bool { return v == bell }); id >= 0 {
			return id
		}
	}
	r.kept = append(r.kept, v)
	return len(r.kept) - 1
}

func get[T any](r *ranks, id int) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[id].(T)
}

// Begin and End are those of a rule.
func (r *ranks) Begin(int, *int) error {
	r.kept, r.leaks = nil, leaks()
	return nil
}

func (r *ranks) End(int, *int) error { return r.leaks() }

func (r *ranks) Driver(_ int, id *int) error {
	*id = r.keep(r.newDriver())
	return nil
}

// Alloc makes memory that has a file, so that it can be mapped by the rules' process
// as well: the driver's own, if it must be, or else any.
func (r *ranks) Alloc(args [2]int, at *where) error {
	d, size := get[driver.Driver](r, args[0]), args[1]
	var m driver.Memory
	var err error
	if d.Caps().OwnMemory {
		m, at.Path, err = allocOwn(d, size)
	} else {
		m, at.Path, err = allocFile(r.dir, size)
	}
	if err == nil {
		at.ID = r.keep(m)
	}
	return named(err)
}

func (r *ranks) Free(id int, _ *int) error { return named(get[driver.Memory](r, id).Free()) }

func (r *ranks) Listen(args listenArgs, made *listened) error {
	opts := driver.Options{Words: args.Words, Timeout: args.Timeout, Hold: args.Hold}
	for _, id := range args.Memories {
		opts.Segments = append(opts.Segments, get[driver.Memory](r, id))
	}
	e, err := get[driver.Driver](r, args.Driver).Listen(args.Place, opts)
	if err != nil {
		return named(err)
	}
	made.ID, made.Address = r.keep(e), e.Address()
	var b driver.Belled
	if b, made.Belled = e.(driver.Belled); made.Belled && args.Words > 0 {
		made.Bells = [2]int{r.keep(b.OwnBell()), r.keep(b.Bell())}
	}
	return nil
}

func (r *ranks) Connect(args connectArgs, _ *int) error {
	return named(get[driver.Endpoint](r, args.Endpoint).Connect(args.Addrs))
}

func (r *ranks) Channel(args [3]int, id *int) error {
	c, err := get[driver.Endpoint](r, args[0]).Channel(args[1], args[2])
	if err == nil {
		*id = r.keep(c)
	}
	return named(err)
}

func (r *ranks) Close(id int, _ *int) error { return named(get[driver.Endpoint](r, id).Close()) }

func (r *ranks) Push(id int, _ *int) error {
	if p, ok := get[driver.Endpoint](r, id).(driver.Pusher); ok {
		p.Push()
	}
	return nil
}

func (r *ranks) Load(args [2]int, value *uint64) error {
	*value = get[driver.Endpoint](r, args[0]).Load(args[1])
	return nil
}

func (r *ranks) Arm(id int, ticket *uint32) error {
	*ticket = get[driver.Bell](r, id).Arm()
	return nil
}

func (r *ranks) Park(args parkArgs, rung *bool) error {
	*rung = get[driver.Bell](r, args.Bell).Park(args.Ticket, args.For)
	return nil
}

func (r *ranks) Ring(id int, _ *int) error {
	get[driver.Bell](r, id).Ring()
	return nil
}

// Verb carries out a verb. Its source is memory of its own, as it may be read later.
func (r *ranks) Verb(v verbArgs, _ *int) error {
	c := get[driver.Channel](r, v.Channel)
	switch v.Verb {
	case "put":
		return named(c.Put(v.Segment, v.Offset, v.Src))
	case "stream":
		if s, ok := c.(driver.Streamer); ok {
			return named(s.Stream(v.Segment, v.Offset, v.Src))
		}
		return named(c.Put(v.Segment, v.Offset, v.Src))
	case "signal":
		return named(c.Signal(v.Word, v.Add))
	case "put-signal":
		return named(c.PutSignal(v.Segment, v.Offset, v.Src, v.Word, v.Add))
	case "fence":
		return named(c.Fence())
	default:
		return named(c.Flush())
	}
}
