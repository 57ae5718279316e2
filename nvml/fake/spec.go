package fake

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commbench/commbench/nvml"
)

// Specs are the known machines, with all their GPUs.
func Specs() []string {
	specs := make([]string, len(boards))
	for i, b := range boards {
		specs[i] = fmt.Sprintf("%sx%d", b.name, b.gpus)
	}
	return specs
}

// New is the machine of a spec: a name and a number of GPUs, then faults. Each is a name,
// then a GPU's number if it is not every GPU that has it, then what Faults says:
//
//	h100x8,throttle:2:heat,lost:5:30
//
// The error says what is not known, and what is.
func New(spec string) (*Machine, error) {
	name, list, more := strings.Cut(spec, ",")
	build, gpus, err := findBoard(name)
	if err != nil {
		return nil, err
	}
	m := &Machine{Clock: time.Now, build: build, board: build.with(gpus), kind: build.kind, closed: make(chan struct{})}
	m.close = sync.OnceFunc(func() { close(m.closed) })
	for more {
		var term string
		term, list, more = strings.Cut(list, ",")
		f, err := parseFault(term, build, gpus)
		if err != nil {
			return nil, err
		}
		m.faults = append(m.faults, f)
	}
	if m.has("no-nvlink", 0, 0) {
		m.kind.links, m.kind.fabric = 0, false
	}
	m.reported = make([]bool, len(m.faults))
	m.devices = make([]nvml.Device, gpus)
	for i := range m.devices {
		m.devices[i] = &device{m: m, number: i, last: -1}
	}
	return m, nil
}

func findBoard(spec string) (board, int, error) {
	x := max(0, strings.LastIndexByte(spec, 'x'))
	for _, b := range boards {
		if b.name != spec[:x] {
			continue
		}
		gpus, err := strconv.Atoi(spec[x+1:])
		if err != nil || gpus < 1 || gpus > b.gpus {
			return board{}, 0, fmt.Errorf("machine %.40q: expected 1 to %d GPUs after %sx", spec, b.gpus, b.name)
		}
		return b, gpus, nil
	}
	return board{}, 0, fmt.Errorf("no machine %.40q: expected one of %s, or with fewer GPUs, and faults after commas",
		spec, strings.Join(Specs(), ", "))
}

func parseFault(term string, build board, gpus int) (active, error) {
	words := strings.Split(term, ":")
	f, err := findFault(words[0])
	switch {
	case err != nil:
		return active{}, err
	case f.links && build.kind.links == 0:
		return active{}, fmt.Errorf("fault %s: the GPUs of %s have no NVLinks", f.Name, build.name)
	}
	is := active{fault: f, gpu: -1, after: f.after, xid: 79}
	most := 3
	switch f.takes {
	case takesNothing:
		most = 1
	case takesGPU:
		most = 2
	}
	if len(words) > most {
		return active{}, fmt.Errorf("fault %.60q: nothing may follow %.40q; %s: %s", term, words[most-1], f.Name, f.Text)
	}
	if len(words) > 1 {
		if is.gpu, err = strconv.Atoi(words[1]); err != nil || is.gpu < 0 || is.gpu >= gpus {
			return active{}, fmt.Errorf("fault %.60q: expected a GPU from 0 to %d, as in %s:0", term, gpus-1, f.Name)
		}
	}
	if len(words) > 2 {
		if err := is.detail(words[2]); err != nil {
			return active{}, fmt.Errorf("fault %.60q: %w", term, err)
		}
	}
	return is, nil
}

func findFault(name string) (fault, error) {
	names := make([]string, len(faults))
	for i, f := range faults {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return fault{}, fmt.Errorf("no fault %.40q: expected one of %s", name, strings.Join(names, ", "))
}

// detail takes what follows the number of the GPU.
func (f *active) detail(word string) error {
	switch f.takes {
	case takesSeconds:
		s, err := strconv.ParseFloat(word, 64)
		if err != nil || !(s >= 0 && s <= 1e6) {
			return fmt.Errorf("expected seconds from 0 to 1e6, found %.20q", word)
		}
		f.after = s
	case takesXid:
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || n == 0 || n > math.MaxUint16 {
			return fmt.Errorf("expected the number of an Xid error, as 79, found %.20q", word)
		}
		f.xid = n
	case takesCause:
		names := make([]string, len(causes))
		for i, c := range causes {
			if names[i] = c.name; c.name == word {
				f.cause = i
				return nil
			}
		}
		return fmt.Errorf("expected one of %s, found %.20q", strings.Join(names, ", "), word)
	}
	return nil
}
